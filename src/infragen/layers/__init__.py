"""The registry: every layer in deployment order. Adding a layer adds its module and one name here.

A layer imports the outputs it uses from the modules before it, so this order can never contradict the imports.
"""

from infragen.layers import api, database, network, observability, queue, worker
from infragen.layers.contract import Layer

LAYERS: tuple[Layer, ...] = (
    network.LAYER,
    database.LAYER,
    queue.LAYER,
    api.LAYER,
    worker.LAYER,
    observability.LAYER,
)
