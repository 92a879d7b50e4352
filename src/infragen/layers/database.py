"""The database layer: Aurora PostgreSQL Serverless v2, its key, credentials and alarms."""

from infragen.layer import LayerOutput

DatabaseCredentialsArn = LayerOutput("database", "DatabaseCredentialsArn", "Secret with the application's credentials")
DataKeyArn = LayerOutput("database", "DataKeyArn", "KMS key of the data and its credentials")
ClusterIdentifier = LayerOutput("database", "ClusterIdentifier", "Identifier of the Aurora cluster")
ConnectionsAlarmArn = LayerOutput("database", "ConnectionsAlarmArn", "Alarm: the database runs out of connections")
