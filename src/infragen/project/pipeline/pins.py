"""The tools that generated workflows use: actions by their commit, because a tag can be moved to other code."""

PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("a309ff8b426b58ec0e2a45f0f869d46889d02405", "v6.2.0"),
    "actions/setup-node": ("48b55a011bda9f5d6aeb4c2d9c7362e8dae4041e", "v6.4.0"),
    "actions/upload-artifact": ("043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "aws-actions/configure-aws-credentials": ("e6de054238d6b7531b4efff3b6587d9aade6a06c", "v6.2.3"),
}
"""Action -> commit and version. Sources: laurentiu021/SystemManager#1457 and plengauer/Thoth#3797 (checkout, 2026-07),
smallstep/docs#542 (configure-aws-credentials, 2026-07-27), NVIDIA/NemoClaw#1887 (setup-python, 2026-04), and workflows
of several repositories that pin the same commits with these versions. Read 2026-11-29; Dependabot updates them."""


SQUAWK = "2.66.0"
"""Version of squawk-cli on npm, which ships its programs as packages of npm; installed and tried 2026-11-29."""


def action(name: str) -> str:
    """Return an action as `uses:` takes it, with its version beside."""
    commit, version = PINS[name]
    return f"{name}@{commit} # {version}"
