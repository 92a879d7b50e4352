"""What MiniStack 1.5.33 lacks or does otherwise than AWS, mended one subject per module.

Runs in the emulator's own process only (`launcher` imports these modules; nothing else may). Each module has one
function `mend()` and says which fault it mends and how AWS behaves. The names of MiniStack that are reached into are
listed in `private_names`, which the launcher checks before it mends anything.
"""
