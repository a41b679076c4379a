"""One run folder; nobody else reads and writes its artifacts."""

from .artifacts import Run
from .config import intend, intended, recorded_parameters
from .opening import begun_folder, open_run, read_run, start_run
from .responses import combined
