"""Workflows for these tests: the real engine, which finds our plugin, without network or key."""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pytest
from printed import Printed, paragraph

INSTALLED = importlib.util.find_spec("roboflow_workflows") is not None
if INSTALLED:
    from cpu_torchvision import load_torchvision

    os.environ["WORKFLOWS_PLUGINS"] = "loaders.roboflow_block"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what others' packages warn of is not ours to mend
        load_torchvision()
        importlib.import_module("roboflow_workflows.execution_engine.core")

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*address: Any, **_: Any) -> NoReturn:
        raise AssertionError(f"a test reached for the network: {address[-1]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def run() -> Run:
    """Run steps over images (BGR) in the real engine; `outputs` names selectors, with "own " before own coordinates."""

    def run(
        steps: list[dict[str, Any]],
        outputs: dict[str, str],
        images: list[np.ndarray],
        *,
        models: Any = None,
        inputs: dict[str, Any] | None = None,
        init: dict[str, Any] | None = None,
        serialize: bool = False,
    ) -> list[dict[str, Any]]:
        from roboflow_workflows.core_steps.common.entities import StepExecutionMode
        from roboflow_workflows.execution_engine.core import ExecutionEngine

        engine = ExecutionEngine.init(
            workflow_definition={
                "version": "1.0",
                "inputs": [
                    {"type": "WorkflowImage", "name": "image"},
                    *({"type": "WorkflowParameter", "name": name} for name in inputs or {}),
                ],
                "steps": steps,
                "outputs": [
                    {
                        "type": "JsonField",
                        "name": name,
                        "selector": selector.removeprefix("own "),
                        "coordinates_system": "own" if selector.startswith("own ") else "parent",
                    }
                    for name, selector in outputs.items()
                ],
            },
            init_parameters={
                "workflows_core.model_manager": models,
                "workflows_core.api_key": None,
                "workflows_core.step_execution_mode": StepExecutionMode.LOCAL,
                **(init or {}),
            },
        )
        return list(engine.run(runtime_parameters={"image": images, **(inputs or {})}, serialize_results=serialize))

    return run


@pytest.fixture(scope="session")
def page() -> Printed:
    return paragraph(30, width=800)


@pytest.fixture(scope="session")
def bgr(page: Printed) -> np.ndarray:
    return np.ascontiguousarray(page.pixels[:, :, ::-1])


@pytest.fixture(scope="session")
def blank(bgr: np.ndarray) -> np.ndarray:
    return np.full_like(bgr, 255)
