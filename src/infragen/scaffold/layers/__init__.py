"""Layers of this project, and extensions of infragen's own layers."""

LAYERS = ()
EXTENSIONS = ()
