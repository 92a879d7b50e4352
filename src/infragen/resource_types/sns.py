"""Amazon SNS. A topic keeps no messages; what was confirmed by hand is with the subscription."""

from infragen.resource_types.resource_type import Billing, ResourceType

SUBSCRIPTION = ResourceType("AWS::SNS::Subscription", holds_data=False, billing=Billing.FREE)
TOPIC = ResourceType("AWS::SNS::Topic", holds_data=False, billing=Billing.FREE, name_property="TopicName")
"""Charged by the million, less than a cent a month for what these layers send."""
TOPIC_POLICY = ResourceType("AWS::SNS::TopicPolicy", holds_data=False, billing=Billing.FREE)

ROWS = (SUBSCRIPTION, TOPIC, TOPIC_POLICY)
