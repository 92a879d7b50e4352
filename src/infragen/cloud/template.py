"""What a template is written with, where more than one room needs it: the type of a nested stack and the name of its
layer, and the shapes that CloudFormation takes for a resource's attributes.
"""

import re
from collections.abc import Mapping

STACK_TYPE = "AWS::CloudFormation::Stack"

_SHAPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("Properties", "Metadata", "CreationPolicy", "UpdatePolicy"), (dict,)),
    **dict.fromkeys(("Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy"), (str,)),
    "DependsOn": (str, list),
}
_SHAPE_WORDS: Mapping[type, str] = {dict: "a map", str: "a text", list: "a list of texts"}


def layer_of_id(logical_id: str) -> str:
    """Return the layer of a stack that is nested in the root: `EdgeCache` is that of `edge-cache`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", logical_id).lower()


def misshapen(attribute: str, value: object) -> str:
    """Return what is wrong with the shape of a resource's attribute in a template; '' where nothing is. One that is not
    known may have any.
    """
    shapes = _SHAPES.get(attribute, ())
    texts = not isinstance(value, list) or all(isinstance(each, str) for each in value)
    if not shapes or (isinstance(value, shapes) and texts):
        return ""
    return f"{attribute} must be {' or '.join(_SHAPE_WORDS[each] for each in shapes)}"
