"""The offline provider: Groq's API over real HTTP on loopback, in front of simulated models.

`server` keeps Groq's contract, limits and faults; `world` is who the models are and what they say.
"""

from .server import OfflineServer, serve
from .world import ROSTER, SimulatedModel
