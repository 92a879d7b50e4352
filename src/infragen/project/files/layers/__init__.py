"""Layers of this project, and extensions of infragen's own layers. `infragen docs extending` has examples."""

from infragen.layer import Extension, Layer

LAYERS: tuple[Layer, ...] = ()
EXTENSIONS: tuple[Extension, ...] = ()
