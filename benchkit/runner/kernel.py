"""How a notebook runs: papermill's engine on this interpreter, watched from the terminal, stoppable."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import zmq
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from nbclient.util import ensure_async

from ..errors import Interrupted
from ..run.json_io import without_grammars
from .parameters import literal
from .terminal import Terminal

without_grammars()
import nbformat  # noqa: E402
from papermill import execute_notebook  # noqa: E402
from papermill.clientwrap import PapermillNotebookClient  # noqa: E402
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines  # noqa: E402
from papermill.exceptions import PapermillExecutionError as PapermillExecutionError  # noqa: E402

ENGINE = "benchkit"
# No name or output of the notebook before, and cells counted from 1; what stays is libraries, no garbage.
AFRESH = "get_ipython().reset(); __import__('gc').freeze()"
LONGEST_SOCKET = 90  # characters; systems take 104 or 108 for the path of a socket
GRACE_S = 10.0  # for a cell to end by itself after an interrupt, before its kernel is killed
SAVED_EVERY_S = 10.0  # what a notebook holds so far, for whoever looks while it runs


class OwnKernel(KernelManager):
    """A kernel on the interpreter that runs us, whatever kernelspecs the machine has, even none."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(name="python3", **get_kernel_dict())


class Kernel:
    """A kernel that runs a run's notebooks, one after the other, each with no name of the one before.

    One for all: a kernel and what the notebooks import take three seconds. Each notebook runs in a thread;
    other threads can stop it.
    """

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.stopping = False
        self.sockets = Path(tempfile.mkdtemp(prefix="benchkit-"))
        # Sockets in a folder of our own: a port that was free when it was chosen may be taken by now.
        short = len(str(self.sockets)) < LONGEST_SOCKET
        ipc = {"transport": "ipc", "ip": str(self.sockets / "k")} if zmq.has("ipc") and short else {}
        self.manager = OwnKernel(
            kernel_name="python3", connection_file=str(self.sockets / "kernel.json"), **ipc
        )
        self.manager.client_class = "jupyter_client.asynchronous.AsyncKernelClient"
        arguments = [
            "--IPKernelApp.log_level=50",  # what a cell raises is told by us
            "--HistoryManager.hist_file=:memory:",  # the person's own history is no place for our cells
        ]
        self._client: WatchedClient | None = None
        self._threads = ThreadPoolExecutor(1, "kernel")
        how = {"extra_arguments": arguments, "cwd": str(folder), "env": env}
        self._started: Future[Any] = self._threads.submit(self.manager.start_kernel, **how)

    def run(self, source: Path, target: Path, parameters: dict[str, Any], terminal: Terminal) -> None:
        """Run the notebook `source` and write it to `target`, also when it fails.

        Raises what kept the kernel from starting, PapermillExecutionError when a cell fails, Interrupted when
        it was stopped between two.
        """
        how = {"engine_name": ENGINE, "kernel_name": "python3", "language": "python", "progress_bar": False}
        watched = {"kernel": self, "terminal": terminal}
        execute_notebook(literal(source), literal(target), parameters, **how, **watched)

    def execute(self, notebook: NotebookExecutionManager, terminal: Terminal) -> nbformat.NotebookNode:
        """What papermill's engine does: run the cells, watched."""
        self._started.result()
        self._client = client = WatchedClient(notebook, self, terminal)
        notebook.save = _now_and_then(notebook.save)
        try:
            return client.execute()
        finally:
            del notebook.save  # the last time is papermill's own
            if client.kc is not None:
                client.kc.stop_channels()

    def interrupt(self) -> None:
        """As Ctrl-C in the kernel; no further cell starts."""
        self._ask(WatchedClient.interrupt)

    def kill(self) -> None:
        """End the kernel now."""
        self._ask(WatchedClient.kill)

    def _ask(self, what: Callable[[WatchedClient], Coroutine[Any, Any, None]]) -> None:
        self.stopping = True
        client = self._client
        if client is not None and client.loop is not None and not client.loop.is_closed():
            asyncio.run_coroutine_threadsafe(what(client), client.loop)

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._threads.submit(self._end)
        self._threads.shutdown()

    def _end(self) -> None:
        try:
            if self.manager.has_kernel:
                # All that counts is on disk; letting go of pandas and SciPy would take seconds.
                self.manager.shutdown_kernel(now=True)
        finally:
            shutil.rmtree(self.sockets, ignore_errors=True)


async def stoppable(kernel: Kernel, work: Callable[[], None]) -> None:
    """Wait for `work` in a thread. When cancelled: interrupt its cell, after a while kill its kernel."""
    thread = ThreadPoolExecutor(1, "notebook")
    worker = asyncio.get_running_loop().run_in_executor(thread, work)
    worker.add_done_callback(lambda done: done.cancelled() or done.exception())  # else asyncio complains
    try:
        await asyncio.wait([worker])
    except asyncio.CancelledError:
        kernel.interrupt()
        await asyncio.wait([worker], timeout=GRACE_S)
        raise
    finally:
        if not worker.done():
            kernel.kill()
            await asyncio.wait([worker], timeout=GRACE_S)
        thread.shutdown(wait=False)
    worker.result()


def _now_and_then(save: Callable[[], None]) -> Callable[..., None]:
    """`save` every ten seconds at most: papermill saves twice a cell, which took a tenth of a demo's time."""
    due = time.monotonic() + SAVED_EVERY_S

    def saving(**_: Any) -> None:
        nonlocal due
        if time.monotonic() >= due:
            save()
            due = time.monotonic() + SAVED_EVERY_S

    return saving


class WatchedClient(PapermillNotebookClient):
    """papermill's client, with the terminal told of every cell and message."""

    def __init__(self, notebook: NotebookExecutionManager, kernel: Kernel, terminal: Terminal) -> None:
        options = {"kernel_name": "python3", "startup_timeout": 120, "timeout": None}
        super().__init__(notebook, km=kernel.manager, **options)
        self.kernel, self.terminal = kernel, terminal
        self.loop: asyncio.AbstractEventLoop | None = None  # on which the cells run

    def papermill_execute_cells(self) -> None:
        assert self.kc is not None
        self.kc.execute(AFRESH, silent=True, store_history=False)
        super().papermill_execute_cells()

    def execute_cell(
        self, cell: nbformat.NotebookNode, cell_index: int, **options: Any
    ) -> nbformat.NotebookNode:
        if self.kernel.stopping:
            raise Interrupted("Stopped between two cells.")
        self.terminal.cell(cell_index, len(self.nb.cells))
        return super().execute_cell(cell, cell_index, **options)

    def process_message(self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int) -> Any:
        self.loop = asyncio.get_running_loop()
        self.terminal.message(msg)
        return super().process_message(msg, cell, cell_index)

    async def interrupt(self) -> None:
        if self.km is not None and self.kc is not None:
            await ensure_async(self.km.interrupt_kernel())
            # A cell that awaits notices the signal only when its loop turns, which any message makes it do.
            self.kc.kernel_info()

    async def kill(self) -> None:
        # Not shutdown_kernel, which waits: the cell fails at once, and the loop that would wait ends with it.
        if self.km is not None and self.km.provisioner is not None:
            await self.km.provisioner.kill()


class WatchedEngine(NBClientEngine):
    """papermill's way to a kernel that was started for the notebook."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        kernel: Kernel,
        terminal: Terminal,
        **_: Any,
    ) -> nbformat.NotebookNode:
        return kernel.execute(nb_man, terminal)


papermill_engines.register(ENGINE, WatchedEngine)
