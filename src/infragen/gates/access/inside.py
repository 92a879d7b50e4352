"""Which rights stay inside the environment, so that agreeing to the plan is enough.

A new queue and its worker bring a new role with rights on them. Such rights reach nothing outside of the environment:
they are summed up, like those of a new stack, and not asked about one by one. Each condition here is a list of what is
known to be harmless; whatever is not on it is asked about.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infragen.gates.access.found import Resources
from infragen.gates.access.policies import ANYTHING, Grant
from infragen.gates.access.symbols import Text, shown, text_of

READS, DECRYPTS, CONTEXT = "ssm:getparameters", "kms:decrypt", "kms:encryptioncontext:parameter_arn"
ROLE, FUNCTION = "AWS::IAM::Role", "AWS::Lambda::Function"

USES = frozenset({
    "dynamodb:batchgetitem", "dynamodb:batchwriteitem", "dynamodb:conditioncheckitem", "dynamodb:deleteitem",
    "dynamodb:describetable", "dynamodb:getitem", "dynamodb:putitem", "dynamodb:query", "dynamodb:scan",
    "dynamodb:updateitem", "ecr:batchchecklayeravailability", "ecr:batchgetimage", "ecr:getdownloadurlforlayer",
    "kms:decrypt", "kms:describekey", "kms:encrypt", "kms:generatedatakey", "lambda:invokefunction",
    "logs:createlogstream", "logs:describelogstreams", "logs:putlogevents", "rds-data:batchexecutestatement",
    "rds-data:begintransaction", "rds-data:committransaction", "rds-data:executestatement",
    "rds-data:rollbacktransaction", "s3:abortmultipartupload", "s3:deleteobject", "s3:getobject", "s3:listbucket",
    "s3:putobject", "secretsmanager:describesecret", "secretsmanager:getsecretvalue", "secretsmanager:putsecretvalue",
    "secretsmanager:updatesecretversionstage", "sns:publish", "sqs:changemessagevisibility", "sqs:deletemessage",
    "sqs:getqueueattributes", "sqs:getqueueurl", "sqs:receivemessage", "sqs:sendmessage",
})  # fmt: skip
"""Actions that use a resource and cannot give it to anybody else, nor change what it is. No wildcard is among them."""

WITHOUT_RESOURCE = frozenset({
    "ec2:describenetworkinterfaces", "ec2:describesubnets", "ecr:getauthorizationtoken",
    "secretsmanager:getrandompassword", "xray:getsamplingrules", "xray:getsamplingtargets", "xray:putspans",
    "xray:putspansforindexing", "xray:puttelemetryrecords", "xray:puttracesegments",
})  # fmt: skip
"""Actions that know no resource and so are written for `*`, and that neither change anything nor read what somebody
keeps (Service Authorization Reference, November 2026)."""

INTERFACES = frozenset({
    "ec2:assignprivateipaddresses", "ec2:createnetworkinterface", "ec2:deletenetworkinterface",
    "ec2:unassignprivateipaddresses",
})  # fmt: skip
"""What Lambda needs to put a function into a VPC; harmless where the function's own code is denied it (Lambda Developer
Guide, "Giving Lambda functions access to resources in an Amazon VPC")."""


@dataclass(frozen=True)
class Inside:
    """One resource whose rights are looked at, with all the grants that it holds. `side` is what comes."""

    name: str
    type: str
    grants: Sequence[Grant]
    side: Resources

    def holds(self, grant: Grant) -> bool:
        """Return whether what is granted stays inside the environment."""
        if self.type != ROLE or grant.effect != "Allow" or grant.unread is not None:
            return False
        created = self.name in self.side.own.created
        if grant.kind == "trust":
            return created and self._by_a_service(grant)
        return grant.kind == "rights" and self._used(grant, created)

    def _used(self, grant: Grant, created: bool) -> bool:
        """Return whether a role uses its environment's resources; one that exists may only gain those that come with
        it.
        """
        if grant.actions.negated or grant.resources.negated:
            return False
        action, resource = shown(grant.actions.pattern), grant.resources.pattern
        if resource == ANYTHING:
            free = action in WITHOUT_RESOURCE or (action in INTERFACES and self._denied_to_code(action))
            return created and free and not grant.conditions
        own = self.side.own
        if (action == READS and own.parameter(resource)) or (action == DECRYPTS and self._decrypts_own(grant)):
            return True
        return action in USES and (own.holds(resource) if created else own.new(resource))

    def _decrypts_own(self, grant: Grant) -> bool:
        """Return whether a right to keys of the account holds for nothing but the environment's own SSM parameters:
        Parameter Store decrypts with the parameter's ARN as context (Systems Manager User Guide, "How Parameter Store
        uses AWS KMS").
        """
        own, keys = self.side.own, shown(grant.resources.pattern)
        here = re.fullmatch(rf"arn:[\w-]+:kms:{re.escape(own.region)}:{own.account}:key/\*", keys) is not None
        bounds = [each for each in grant.conditions if (each.operator, each.key) == ("StringEquals", CONTEXT)]
        return here and any(each.values and all(map(own.parameter, each.values)) for each in bounds)

    def _by_a_service(self, grant: Grant) -> bool:
        """Return whether only an AWS service may assume the role, and only on behalf of this account."""
        if grant.principals.negated or shown(grant.actions.pattern) != "sts:assumerole":
            return False
        bounds = [each for each in grant.conditions if each.key == "aws:sourceaccount"]
        account = text_of(self.side.own.account)
        here = any((each.operator, each.values) == ("StringEquals", frozenset({account})) for each in bounds)
        return here and shown(grant.principals.pattern).startswith("Service ")

    def _denied_to_code(self, action: str) -> bool:
        """Return whether every function that acts as this role is denied an action that Lambda itself needs."""
        denied = {
            value
            for each in self.grants
            if each.effect == "Deny" and not each.actions.negated and shown(each.actions.pattern) == action
            and each.resources.patterns == {ANYTHING} and len(each.conditions) == 1
            for line in each.conditions
            if (line.operator, line.key) == ("ArnEquals", "lambda:sourcefunctionarn")
            for value in line.values
        }  # fmt: skip
        functions = [self._function(self.side.bodies[each]) for each in self._acting()]
        return bool(functions) and all(any(_is(value, name) for value in denied) for name in functions)

    def _acting(self) -> set[str]:
        """Return the functions, and anything else, that act as this role."""
        ways: tuple[Any, ...] = ({"Ref": self.name}, {"Fn::GetAtt": [self.name, "Arn"]})
        return {name for each in ways for name in self.side.users(self.side.reader.text(each))}

    def _function(self, resource: Mapping[str, Any]) -> str:
        """Return the pattern of a function's ARN; nothing for anything else, or without a name that is known."""
        name = resource.get("Properties", {}).get("FunctionName")
        if resource["Type"] != FUNCTION or not isinstance(name, str):
            return ""
        own = self.side.own
        return rf"arn:[\w-]+:lambda:{re.escape(own.region)}:{own.account}:function:{re.escape(name)}"


def _is(value: Text, function: str) -> bool:
    return bool(function) and re.fullmatch(function, shown(value)) is not None
