"""How a notebook runs: papermill's engine on this interpreter, watched from the terminal, stoppable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import zmq
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from papermill import execute_notebook
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from traitlets import Float, default

from ..errors import Interrupted
from .parameters import literal
from .terminal import Terminal

ENGINE = "benchkit"


class OwnKernel(AsyncKernelManager):
    """A kernel on the interpreter that runs us, whatever kernelspecs the machine has, even none."""

    # All that counts is on disk by then; an interpreter with pandas and SciPy takes seconds to let them go.
    shutdown_wait_time = Float(1.0)

    @default("transport_encryption")
    def _encrypt_where_possible(self) -> str:
        return "auto" if zmq.has("curve") else "disabled"

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(name="python3", **get_kernel_dict())


class Session:
    """One running notebook: what its kernel says goes to the terminal, and other threads can stop it."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: WatchedClient | None = None

    def started(self, client: WatchedClient) -> None:
        self._loop, self._client = asyncio.get_running_loop(), client

    def interrupt(self) -> None:
        """As Ctrl-C in the kernel; no further cell starts."""
        self.stopping = True
        self._ask(lambda client: client.interrupt())

    def kill(self) -> None:
        """End the kernel now."""
        self.stopping = True
        self._ask(lambda client: client.kill())

    def _ask(self, what: Callable[[WatchedClient], Coroutine[Any, Any, None]]) -> None:
        if self._client is not None and self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(what(self._client), self._loop)


class WatchedClient(PapermillNotebookClient):
    """papermill's client, with the session told of every cell and message."""

    def __init__(self, manager: NotebookExecutionManager, session: Session, **options: Any) -> None:
        super().__init__(manager, kernel_manager_class=OwnKernel, **options)
        self.session = session

    def execute_cell(self, cell: NotebookNode, cell_index: int, **options: Any) -> NotebookNode:
        if self.session.stopping:
            raise Interrupted("Stopped between two cells.")
        self.session.terminal.cell(cell_index, len(self.nb.cells))
        return super().execute_cell(cell, cell_index, **options)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        self.session.started(self)
        self.session.terminal.message(msg)
        return super().process_message(msg, cell, cell_index)

    async def interrupt(self) -> None:
        if self.km is not None and self.kc is not None:
            await self.km.interrupt_kernel()
            # A cell that awaits notices the signal only when its loop turns, which any message makes it do.
            self.kc.kernel_info()

    async def kill(self) -> None:
        # Not shutdown_kernel, which waits: the cell fails at once, and the loop that would wait ends with it.
        if self.km is not None and self.km.provisioner is not None:
            await self.km.provisioner.kill()


class WatchedEngine(NBClientEngine):
    """Runs the cells with a WatchedClient, in the working directory and environment that it is given."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        session: Session,
        folder: Path,
        env: dict[str, str],
        **_: Any,
    ) -> NotebookNode:
        options = {"kernel_name": kernel_name, "startup_timeout": 120, "timeout": None}
        # An orderly end interrupts the kernel first, which ipykernel would call an error on the terminal.
        client = WatchedClient(nb_man, session, extra_arguments=["--IPKernelApp.log_level=50"], **options)
        return client.execute(cwd=str(folder), env=env)


papermill_engines.register(ENGINE, WatchedEngine)


def run_notebook(
    source: Path,
    target: Path,
    parameters: dict[str, Any],
    session: Session,
    env: dict[str, str],
    folder: Path,
) -> None:
    """Run `source` in `folder` and write it to `target`, also when it fails.

    Raises PapermillExecutionError when a cell does, Interrupted when the session was stopped.
    """
    execute_notebook(
        literal(source),
        literal(target),
        parameters,
        engine_name=ENGINE,
        kernel_name="python3",
        language="python",
        progress_bar=False,
        session=session,
        env=env,
        folder=folder,  # Not papermill's `cwd`, which would move this whole process.
    )
