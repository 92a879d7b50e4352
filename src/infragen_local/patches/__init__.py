"""What MiniStack 1.5.33 lacks or does otherwise than AWS, patched one subject per module.

Runs in the emulator's own process only (`__main__` imports these modules; nothing else may). Each module has one
function `apply()` and says which fault it patches and how AWS behaves. The names of MiniStack that are reached into are
listed in `private_names`, which the entry point checks before it patches anything.
"""
