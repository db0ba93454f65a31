"""Serve a model that `lowland complete --model ratings.npz` wrote.

    pip install fastapi uvicorn
    LOWLAND_MODEL=ratings.npz uvicorn app:app --app-dir examples/serving

Then ask: curl "localhost:8000/rows/user%207/top?count=5". New cells (POST /cells) are kept in memory only.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

import lowland as ll


class Cells(BaseModel):
    """Pairs of labels."""

    rows: list[str]
    columns: list[str]


class NewCells(Cells):
    """Observed cells."""

    values: list[float]


class Row(BaseModel):
    """What is known of a row that the model has not seen."""

    known: dict[str, float] = Field(examples=[{"film 10": 5.0}])
    count: int = Field(10, ge=1, le=1000)


class Served:
    """A model that many threads read, and one at a time replaces."""

    def __init__(self, path: str) -> None:
        self.model = ll.MatrixCompletion.load(path)
        self._lock = threading.Lock()

    def take_in(self, cells: NewCells) -> None:
        """Take in new cells. Readers go on with the old model until the new one is complete."""
        import copy

        with self._lock:
            model = copy.copy(self.model)
            model.update(cells.rows, cells.columns, cells.values, refit=False)
            self.model = model


@asynccontextmanager
async def lifespan(app: FastAPI) -> Any:
    """Load the model before the first question."""
    app.state.served = Served(os.environ["LOWLAND_MODEL"])
    app.state.served.model.fold_in({})  # compiles or loads what predictions need
    yield


app = FastAPI(title="A completed table", lifespan=lifespan)


@app.exception_handler(RequestValidationError)
def misread(request: Request, error: RequestValidationError) -> JSONResponse:
    """Say what is wrong with a question without repeating it: what is no number cannot be repeated."""
    return JSONResponse({"detail": [{"at": one["loc"], "wrong": one["msg"]} for one in error.errors()]}, 422)


@contextmanager
def explained() -> Iterator[None]:
    """Answer 422 with the message where a question cannot be answered."""
    try:
        yield
    except ll.errors.LowlandError as error:
        raise HTTPException(422, str(error)) from error


def answer(columns: Any, predictions: Any) -> JSONResponse:
    """Return columns with predictions, the best first."""
    pairs = zip(np.asarray(columns).tolist(), np.asarray(predictions, float).tolist(), strict=True)
    return JSONResponse([{"column": column, "prediction": number} for column, number in pairs])


@app.get("/rows/{row}/top")
def top(row: str, count: Annotated[int, Query(ge=1, le=1000)] = 10) -> JSONResponse:
    """Return the best columns of a row, without those that it has."""
    with explained():
        return answer(*app.state.served.model.top(row, count))


@app.post("/rows/top")
def top_of_new(row: Row) -> JSONResponse:
    """Return the best columns of a row that the model has not seen."""
    with explained():
        return answer(*app.state.served.model.top(row.known, row.count))


@app.post("/predictions")
def predict(cells: Cells) -> JSONResponse:
    """Return predictions; labels that the model does not know get those of the average row or column."""
    with explained():
        numbers = app.state.served.model.predict_cells(cells.rows, cells.columns, unknown="average")
    return JSONResponse(np.asarray(numbers, float).tolist())


@app.get("/columns/{column}/similar")
def similar(column: str, count: Annotated[int, Query(ge=1, le=1000)] = 10) -> JSONResponse:
    """Return the columns most like one."""
    with explained():
        return answer(*app.state.served.model.similar(column, count))


@app.post("/cells")
def take_in(cells: NewCells) -> dict[str, int]:
    """Take in observed cells."""
    with explained():
        app.state.served.take_in(cells)
    return {"rows": len(app.state.served.model.row_labels_)}
