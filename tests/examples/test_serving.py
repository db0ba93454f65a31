"""The serving example answers through real HTTP, also while cells are taken in."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import lowland as ll

FOLDER = Path(__file__).parents[2] / "examples" / "serving"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Return the address of a running service and the model that it serves."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    rng = np.random.default_rng(0)
    table = np.where(rng.random((60, 30)) < 0.4, rng.integers(1, 6, (60, 30)), np.nan)
    seen = ll.Observations.from_array(
        table, row_labels=[f"user {k}" for k in range(60)], column_labels=[f"film {k}" for k in range(30)]
    )
    model = ll.MatrixCompletion(rank=3, refine=False, random_state=0, certify=False).fit(seen)
    path = tmp_path_factory.mktemp("service") / "ratings.npz"
    model.save(path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", FOLDER, "--port", str(port)]
    with open(path.with_suffix(".log"), "w") as log:
        process = subprocess.Popen(
            [*map(str, command), "--log-level", "warning"],
            env={**os.environ, "LOWLAND_MODEL": str(path)},
            stdout=log,
            stderr=log,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{address}/docs", process)
            yield address, model
        finally:
            process.terminate()
            process.wait(30)


def wait_for(address, process):
    for _ in range(600):
        assert process.poll() is None, "the service ended"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the service does not answer")


def ask(address, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_it_answers_what_the_model_says(service):
    address, model = service
    best = ask(f"{address}/rows/user%207/top?count=3")
    columns, predictions = model.top("user 7", 3)
    assert [one["column"] for one in best] == columns.tolist()
    np.testing.assert_allclose([one["prediction"] for one in best], predictions)
    new = ask(f"{address}/rows/top", {"known": {"film 3": 5.0}, "count": 2})
    assert [one["column"] for one in new] == model.top({"film 3": 5.0}, 2)[0].tolist()
    pairs = {"rows": ["user 1", "nobody"], "columns": ["film 2", "film 2"]}
    expected = model.predict_cells(pairs["rows"], pairs["columns"], unknown="average")
    np.testing.assert_allclose(ask(f"{address}/predictions", pairs), expected)
    assert len(ask(f"{address}/columns/film%201/similar?count=4")) == 4
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{address}/rows/nobody/top")
    assert refused.value.code == 422
    assert "has no such row" in refused.value.read().decode()


def test_it_takes_in_cells_while_others_ask(service):
    address, _ = service
    failures = []

    def reader():
        for k in range(10):
            try:
                assert len(ask(f"{address}/rows/user%20{k}/top?count=3")) == 3
            except Exception as error:  # any failure of a service is one
                failures.append(error)

    threads = [threading.Thread(target=reader) for _ in range(4)]
    for thread in threads:
        thread.start()
    for k in range(5):
        cells = {"rows": ["user 3", f"fresh {k}"], "columns": ["film 1", "film 4"], "values": [5.0, 4.0]}
        assert ask(f"{address}/cells", cells) == {"rows": 61 + k}
    for thread in threads:
        thread.join()
    assert not failures
    assert ask(f"{address}/rows/fresh%204/top?count=2")
