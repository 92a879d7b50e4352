"""The application's database credentials, part of the database layer: the secret, its function and its rotation.

RDS manages the master user's secret, which the application never sees. The application's own secret holds a complete
DATABASE_URL of one of two login roles that share the rights of one owner; a rotation gives the role that is not in use
a new password and makes it current, so what running tasks hold stays valid until the rotation after. The function that
does this (`functions/credentials.py`) reaches the database through the RDS Data API: no VPC, no driver, no layer.
"""

import hashlib
from typing import Any

from troposphere import GetAtt, Ref, Sub, awslambda, iam
from troposphere.cloudformation import AWSCustomObject
from troposphere.secretsmanager import RotationRules, RotationSchedule, Secret

from infragen.config import Database, Environment
from infragen.layers.contract import (
    Template,
    alarm,
    allow,
    arn,
    boundary,
    function_logging,
    log_group,
    metric,
    named,
    policy,
    suppress,
    trust,
    via,
)
from infragen.layers.functions import source

RUNTIME = "python3.14"
FUNCTION = "database-credentials"
MASTER_SECRET = GetAtt("Cluster", "MasterUserSecret.SecretArn")


class DatabaseCredentials(AWSCustomObject):
    """`Custom::DatabaseCredentials`: makes roles and secret agree with the cluster before the stack is complete."""

    resource_type = "Custom::DatabaseCredentials"
    props = {  # noqa: RUF012 # troposphere's own way to declare properties
        "ServiceToken": (str, True),
        "ServiceTimeout": (int, False),
        "ClusterResourceId": (str, True),
        "Host": (str, True),
        "ReaderHost": (str, True),
        "Owner": (str, True),
        "UrlSuffix": (str, True),
        "Revision": (str, True),
    }


def add(template: Template, env: Environment, database: Database, *, key: Any, topic: Any) -> None:
    """Add the secret and all that fills and rotates it. `key` encrypts logs and environment, `topic` is notified of
    errors.

    The template needs `Cluster`, `Writer` and `DataKey`.
    """
    code = source("credentials.py")
    # Empty on purpose: with SecretString or GenerateSecretString a later edit would overwrite live credentials.
    template.add_resource(
        Secret(
            "AppSecret",
            Description=named("database credentials of the application, filled and rotated by a function"),
            KmsKeyId=Ref("DataKey"),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Retain",
        )
    )
    template.add_resource(
        log_group("CredentialsLogGroup", Sub(f"/aws/lambda/${{ProjectName}}-${{EnvironmentName}}-{FUNCTION}"), env, key)
    )
    template.add_resource(_role(env, key))
    template.add_resource(_function(database, code, key))
    template.add_resource(
        DatabaseCredentials(
            "Credentials",
            DependsOn="Writer",  # the Data API answers only while there is an instance
            ServiceToken=GetAtt("CredentialsFunction", "Arn"),
            ServiceTimeout=600,
            ClusterResourceId=GetAtt("Cluster", "DBClusterResourceId"),
            Host=GetAtt("Cluster", "Endpoint.Address"),
            ReaderHost=GetAtt("Cluster", "ReadEndpoint.Address"),
            Owner=database.owner,  # the function refuses another one now, not at the next rotation
            UrlSuffix=_url_suffix(database),
            Revision=hashlib.sha256(code.encode()).hexdigest()[:12],
        )
    )
    _add_rotation(template, database, topic)


def _add_rotation(template: Template, database: Database, topic: Any) -> None:
    """Let Secrets Manager call the function on a schedule, and notify when it fails."""
    template.add_resource(
        awslambda.Permission(
            "CredentialsPermission",
            Action="lambda:InvokeFunction",
            FunctionName=Ref("CredentialsFunction"),
            Principal="secretsmanager.amazonaws.com",
            SourceAccount=Ref("AWS::AccountId"),
            SourceArn=Ref("AppSecret"),
        )
    )
    template.add_resource(
        RotationSchedule(
            "CredentialsRotation",
            DependsOn=["Credentials", "CredentialsPermission"],
            SecretId=Ref("AppSecret"),
            RotationLambdaARN=GetAtt("CredentialsFunction", "Arn"),
            RotationRules=RotationRules(ScheduleExpression=f"rate({database.rotation_days} days)", Duration="4h"),
            RotateImmediatelyOnUpdate=False,  # the custom resource has just written the first credentials
        )
    )
    template.add_resource(
        alarm(
            "CredentialsErrorsAlarm",
            "The function that rotates the database credentials failed",
            metric("AWS/Lambda", "Errors", "Sum", {"FunctionName": Ref("CredentialsFunction")}, 300),
            threshold=0,
            periods=1,
            topic=topic,
        )
    )


def _url_suffix(database: Database) -> str:
    return f"?{database.url_options}" if database.url_options else ""


def _role(env: Environment, key: Any) -> iam.Role:
    why = "GetRandomPassword has no resource; log streams of one group"
    cluster = arn("rds:${AWS::Region}:${AWS::AccountId}:cluster:${Cluster}")
    return iam.Role(
        "CredentialsRole",
        AssumeRolePolicyDocument=trust("lambda.amazonaws.com"),
        Policies=[
            iam.Policy(
                PolicyName="Credentials",
                PolicyDocument=policy(
                    allow(["logs:CreateLogStream", "logs:PutLogEvents"], GetAtt("CredentialsLogGroup", "Arn")),
                    allow(
                        [
                            "rds-data:ExecuteStatement",
                            "rds-data:BeginTransaction",
                            "rds-data:CommitTransaction",
                            "rds-data:RollbackTransaction",
                        ],
                        cluster,
                    ),
                    allow("secretsmanager:GetSecretValue", MASTER_SECRET),
                    allow(
                        [
                            "secretsmanager:DescribeSecret",
                            "secretsmanager:GetSecretValue",
                            "secretsmanager:PutSecretValue",
                            "secretsmanager:UpdateSecretVersionStage",
                        ],
                        Ref("AppSecret"),
                    ),
                    allow("secretsmanager:GetRandomPassword", "*"),
                    allow(["kms:Decrypt", "kms:GenerateDataKey"], GetAtt("DataKey", "Arn"), via("secretsmanager")),
                    allow("kms:Decrypt", key),
                ),
            )
        ],
        Metadata=suppress({"AwsSolutions-IAM5": why}),
        **boundary(env),
    )


def _function(database: Database, code: str, key: Any) -> awslambda.Function:
    return awslambda.Function(
        "CredentialsFunction",
        FunctionName=named(FUNCTION),
        Description="Makes and rotates the application's database credentials",
        Runtime=RUNTIME,
        Handler="index.handler",
        Architectures=["arm64"],
        MemorySize=256,
        Timeout=300,
        Role=GetAtt("CredentialsRole", "Arn"),
        Code=awslambda.Code(ZipFile=code),
        Environment=awslambda.Environment(
            Variables={
                "CLUSTER_ARN": arn("rds:${AWS::Region}:${AWS::AccountId}:cluster:${Cluster}"),
                "MASTER_SECRET_ARN": MASTER_SECRET,
                "SECRET_ARN": Ref("AppSecret"),
                "DB_NAME": database.name,
                "OWNER": database.owner,
                "DB_HOST": GetAtt("Cluster", "Endpoint.Address"),
                "DB_READER_HOST": GetAtt("Cluster", "ReadEndpoint.Address"),
                "DB_PORT": GetAtt("Cluster", "Endpoint.Port"),
                "URL_SUFFIX": _url_suffix(database),
            }
        ),
        KmsKeyArn=key,
        LoggingConfig=function_logging(Ref("CredentialsLogGroup")),
        Metadata=suppress(
            {"AwsSolutions-L1": "python3.14 has published support dates, the newer runtime does not"},
            {
                "CKV_AWS_115": "Secrets Manager runs one rotation at a time",
                "CKV_AWS_116": "its callers retry it, and an alarm tells of errors",
                "CKV_AWS_117": "it reaches the database through the Data API and needs no path to it",
            },
        ),
    )
