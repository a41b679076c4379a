"""The offline provider: Groq's API over real HTTP on loopback, with simulated models of published quality."""

from benchkit.offline.models import ROSTER, SimulatedModel
from benchkit.offline.server import OfflineServer, serve

__all__ = ["ROSTER", "OfflineServer", "SimulatedModel", "serve"]
