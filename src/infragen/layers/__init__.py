"""The layers that infragen knows."""
