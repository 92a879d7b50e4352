"""The code that runs inside the infrastructure, each in a readable file of its own.

The layers put these files into templates as text (`source`); the package imports none of them.
"""

import re
from importlib.resources import files


def source(name: str) -> str:
    """Return the text of a file in this folder, with line feeds whatever the checkout did to its line ends."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def nat_instance(cidr: str) -> str:
    """Return the NAT instance's user data for a VPC block, as text for Fn::Sub.

    CloudFormation fills in what is named AWS::...; every other `${` belongs to the shell and is kept from it
    (CloudFormation User Guide, "Fn::Sub").
    """
    return re.sub(r"\$\{(?!AWS::)", "${!", source("nat_instance.sh").replace("@CIDR@", cidr))
