"""The same table from a text file, Parquet, a data frame, SQLite and PostgreSQL; and completed ones back."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lowland as ll
from commands import call
from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.files.foreign.databases import query_arrow, shown
from lowland.files.outputs import write_rows

# a server on loopback that tests may fill: set by .ci/run, or by hand
SERVER = os.environ.get("LOWLAND_TEST_POSTGRES")
needs_server = pytest.mark.skipif(not SERVER, reason="LOWLAND_TEST_POSTGRES names no server")
QUERY = "select person, thing, grade from lowland_ratings"


@pytest.fixture(scope="module")
def ratings():
    """A long table in no order, with awkward names and numbers that need all their digits."""
    rng = np.random.default_rng(0)
    people = [f"p {k}" for k in range(28)] + ["O'Hara", "Zoë"]
    things = ["007", *(f"t{k}" for k in range(18)), 'a "b"']
    table = rng.standard_normal((30, 3)) @ rng.standard_normal((3, 20)) + 0.1 * rng.standard_normal((30, 20))
    i, j = np.nonzero(rng.random(table.shape) < 0.6)
    order = rng.permutation(i.size)
    i, j = i[order], j[order]
    return pd.DataFrame(
        {"person": [people[k] for k in i], "thing": [things[k] for k in j], "grade": table[i, j]}
    )


@pytest.fixture(scope="module")
def shop(ratings, tmp_path_factory):
    path = tmp_path_factory.mktemp("databases") / "my shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table lowland_ratings (person text, thing text, grade real)")
        shuffled = ratings.sample(frac=1, random_state=1)
        connection.executemany("insert into lowland_ratings values (?, ?, ?)", shuffled.values.tolist())
    connection.close()
    return path


@pytest.fixture(scope="module")
def server(ratings):
    if not SERVER:
        pytest.skip("LOWLAND_TEST_POSTGRES names no server")
    import adbc_driver_postgresql.dbapi as driver

    schema = f"lowland_{os.getpid()}"  # tests may run side by side
    own = f"{SERVER}?options=-csearch_path%3D{schema}"
    shuffled = pa.Table.from_pandas(ratings.sample(frac=1, random_state=2), preserve_index=False)
    with driver.connect(own) as connection, connection.cursor() as cursor:
        cursor.execute(f"create schema {schema}")
        cursor.execute(
            "create table lowland_ratings (person text, thing varchar(20), grade double precision)"
        )
        cursor.adbc_ingest("lowland_ratings", shuffled, "append", db_schema_name=schema)
        cursor.execute(f"create role {schema} login")
        cursor.execute(f"grant all on schema {schema} to {schema}")
        cursor.execute(f"grant all on lowland_ratings to {schema}")
        connection.commit()
    yield own.replace("//lowland@", f"//{schema}@")
    with driver.connect(own) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop schema {schema} cascade")
        cursor.execute(f"drop role {schema}")
        connection.commit()


def fit(observations):
    plain = {"certify": False, "refine": False, "powers": False, "random_state": 0}
    return ll.MatrixCompletion(rank=3, max_iter=6, **plain).fit(observations)


@pytest.fixture(scope="module")
def expected(ratings):
    return fit(ll.read_table(ratings))


def assert_same_fit(observations, expected):
    model = fit(observations)
    np.testing.assert_array_equal(observations.row_labels, expected._completed.labels.rows)
    np.testing.assert_array_equal(model.row_factors_, expected.row_factors_)
    np.testing.assert_array_equal(model.column_factors_, expected.column_factors_)
    np.testing.assert_array_equal(model.predict_table(), expected.predict_table())


def test_text_and_parquet_give_the_same_bits(ratings, expected, tmp_path):
    ratings.to_csv(tmp_path / "t.csv", index=False)
    assert_same_fit(ll.read_table(tmp_path / "t.csv"), expected)
    pq.write_table(pa.Table.from_pandas(ratings.sample(frac=1, random_state=3)), tmp_path / "t.parquet")
    names = {"row": "person", "column": "thing", "value": "grade"}
    assert_same_fit(ll.read_table(tmp_path / "t.parquet", **names), expected)


def test_sqlite_gives_the_same_bits(shop, expected):
    assert_same_fit(ll.read_sql(QUERY, shop), expected)
    assert_same_fit(ll.read_sql(QUERY + " order by grade", f"sqlite:///{shop}"), expected)


@needs_server
def test_postgresql_gives_the_same_bits(server, expected):
    assert_same_fit(ll.read_sql(QUERY, server), expected)


@needs_server
def test_exact_decimals_are_numbers(server):
    exact = "cast(round(cast(grade as numeric), 3) as numeric(10, 3))"
    query = f"select person, thing, {exact} as g from lowland_ratings"
    seen = ll.read_sql(query, server)
    assert np.allclose(seen.values, np.round(seen.values, 3))
    assert np.unique(seen.values).size > 50


@needs_server
def test_a_query_cannot_change_a_server(server):
    for query in (
        "delete from lowland_ratings",
        "copy (select 1) to 'x'",
        "(drop table x)",
        "-- a\n call f()",
    ):
        with pytest.raises(InvalidInputError, match="must only read data"):
            ll.read_sql(query, server)
    hidden = "with gone as (delete from lowland_ratings returning *) select * from gone"
    with pytest.raises(InvalidInputError, match="read-only"):
        ll.read_sql(hidden, server)
    assert ll.read_sql(QUERY, server).size > 100


@needs_server
def test_the_command_line_asks_a_server(server, tmp_path):
    out = tmp_path / "filled.parquet"
    command = [sys.executable, "-m", "lowland", "complete", "--query", QUERY, "--rank", "3", "--json"]
    command += ["--output", str(out), "--max-iter", "6", "--no-certify"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"LOWLAND_DATABASE": server}, check=True
    )
    assert json.loads(done.stdout)["shape"] == [30, 20]
    assert pq.read_table(out).num_rows == 600


def test_a_query_cannot_change_a_file(shop):
    before = shop.read_bytes()
    for query in ("delete from lowland_ratings", "attach 'new.db' as n", "vacuum into 'copy.db'"):
        with pytest.raises(InvalidInputError, match="must only read data"):
            query_arrow(shop, query)
    for query, words in (
        ("with x as (select 1) delete from lowland_ratings", "not authorized"),
        ("select load_extension('x')", "not authorized"),
        ("select 1; delete from lowland_ratings", "one statement"),
        ("select 1; select 2", "one statement"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            query_arrow(shop, query)
    assert shop.read_bytes() == before


def test_a_query_cannot_leave_a_duckdb_file(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path, secret = tmp_path / "a.duckdb", tmp_path / "secret.csv"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select range as r, 'x' as c, 1.5 as v from range(3)")
    secret.write_text("a,b\n1,2\n")
    assert query_arrow(path, "select * from t").num_rows == 3
    before = path.read_bytes()
    for query, words in (
        (f"select 1; copy t to '{tmp_path}/out.csv'", "one statement"),
        (f"select * from read_csv('{secret}')", "failed"),
        ("with x as (select 1) insert into t select 4, 'y', 2 from x", "failed"),
        ("select 1; set enable_external_access=true", "one statement"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            query_arrow(path, query)
    assert path.read_bytes() == before
    assert {item.name for item in tmp_path.iterdir()} == {"a.duckdb", "secret.csv"}


def test_an_interrupt_ends_a_query(shop):
    """A query without end is under way when the signal arrives."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    query = "with recursive t(i) as (select 1 union all select i + 1 from t) select count(*) as n from t"
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            query_arrow(shop, query)
    finally:
        signal.signal(signal.SIGINT, before)


def test_columns_of_a_file_hold_what_they_hold(tmp_path):
    """SQLite columns have no kind: numbers are widened, and become text if any value is text."""
    path = tmp_path / "kinds.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table k (whole, mixed, text, none)")
        values = [(2**62, 1, "a", None), (-1, 2.5, 7, None), (None, None, None, None)]
        connection.executemany("insert into k values (?, ?, ?, ?)", values)
    connection.close()
    found = query_arrow(path, "select * from k")
    assert found.to_pydict() == {
        "whole": [2**62, -1, None], "mixed": [1.0, 2.5, None], "text": ["a", "7", None], "none": [None] * 3
    }  # fmt: skip
    with pytest.raises(InvalidInputError, match="neither numbers nor text"):
        query_arrow(path, "select x'00ff' as blob")
    with pytest.raises(InvalidInputError, match="neither numbers nor text"):
        query_arrow(path, "select 1.5 as mixed union all select x'00ff' union all select 'a'")


@needs_server
def test_a_superuser_is_warned(server):
    query = "select 'a' as r, 'x' as c, 1.5 as v"
    with pytest.warns(UserWarning, match="superuser"):
        query_arrow(SERVER, query)
    assert query_arrow(server, query).num_rows == 1


@needs_server
def test_a_server_takes_one_statement(server):
    with pytest.raises(InvalidInputError, match="multiple commands"):
        query_arrow(server, "select 1; select 2")


@needs_server
@pytest.mark.parametrize(
    "value", ["1.5::money", "gen_random_uuid()", "'a'::bytea", "interval '1 day'", "array[1]"]
)
def test_types_that_mean_something_else_are_refused(server, value):
    with pytest.raises(InvalidInputError, match="neither numbers nor text"):
        ll.read_sql(f"select 'a' as r, 'x' as c, {value} as v", server)


def test_numbers_of_a_file_may_change_their_kind(shop):
    query = (
        "with recursive t(i) as (select 1 union all select i + 1 from t where i < 3000) "
        "select i as r, 'x' as c, "
        "case when i < 2500 then i when i < 2600 then null else i + 0.5 end as v from t"
    )
    seen = ll.read_sql(query, shop, layout="long")
    assert seen.size == 2900
    assert seen.values.max() == 3000.5


def test_results_with_a_name_twice(shop):
    with pytest.raises(InvalidInputError, match="names a column twice"):
        ll.read_sql("select person, person, grade from lowland_ratings", shop)


def test_what_is_no_text_is_no_query(shop):
    for query, database in ((None, shop), ("select 1", None)):
        with pytest.raises(InvalidInputError, match="must be text"):
            ll.read_sql(query, database)


def test_wide_results_and_nulls(tmp_path):
    path = tmp_path / "wide.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table w (name text, a real, b real, c integer)")
        connection.executemany(
            "insert into w values (?, ?, ?, ?)", [("x", 1.5, None, 3), ("y", None, 2.5, 4)]
        )
    connection.close()
    seen = ll.read_sql("select * from w", path)
    np.testing.assert_array_equal(seen.to_array(), [[1.5, np.nan, 3], [np.nan, 2.5, 4]])
    assert seen.row_labels.tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("query", "database", "words"),
    [
        ("select 1", "missing.db", "the database does not exist"),
        ("select 1", "sqlite:///missing.db", "the database does not exist"),
        ("select 1", "mysql://host/name", "kind of database is unknown"),
        ("select 1", "table.csv", "kind of database is unknown"),
        ("", "missing.db", "query is empty"),
        ("select 1", "postgresql://me:hush@127.0.0.1:1/none", "refused"),
    ],
)
def test_databases_that_cannot_be_asked(query, database, words):
    with pytest.raises(InvalidInputError, match=words) as caught:
        ll.read_sql(query, database)
    assert "hush" not in str(caught.value)


def test_queries_that_fail(shop):
    with pytest.raises(InvalidInputError, match="no such table"):
        ll.read_sql("select * from nowhere", shop)
    with pytest.raises(InvalidInputError, match="is empty"):
        ll.read_sql("select person, thing, grade from lowland_ratings where 1 = 0", shop)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://me:hush@host:5432/x",
        "postgresql://me:hush@host:5432/x?password=hush",
        "postgresql:///?host=h&password=hush",
        "postgresql://me:hu/hush@host/x",
        "postgresql://me:hu#hush@host/x",
        "postgresql://me:hu?hush@host/x",
        "postgresql://me:[hush@host/x",
        "mysql://me@host/x?password=hush",
        "host=h password=hush user=me",
        "mysql://me:hush@host/x",
    ],
)
def test_passwords_are_not_shown(uri):
    assert "hush" not in shown(uri)
    with pytest.raises(InvalidInputError) as caught:
        ll.read_sql("select 1", uri)
    assert "hush" not in str(caught.value)


def test_what_is_shown():
    assert shown("postgresql://me:hush@host:5432/x") == "postgresql://host/x"
    assert shown("sqlite:///a.db") == "sqlite:///a.db"
    assert shown("a.db") == "a.db"


def test_a_missing_driver_is_named(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql.dbapi", None)
    with pytest.raises(MissingExtraError, match=r"lowland\[sql\]"):
        query_arrow("postgresql://127.0.0.1:1/x", "select 1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"lowland\[tables\]"):
        query_arrow(shop, "select 1")


def run(*arguments):
    return call("complete", *arguments, cwd=".")


# a fit soon done, since what is read and written is looked at
SOON = ("--rank", 3, "--refine", "no", "--powers", "no", "--max-iter", 6, "--no-certify")


def test_the_command_line_asks_a_database(shop, tmp_path, undrawn):
    out, page = tmp_path / "filled.csv", tmp_path / "page.html"
    done = run("--database", shop, "--query", QUERY, *SOON, "--output", out, "--report", page)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(out).shape == (600, 4)
    assert "lowland complete --database" in page.read_text()
    for wrong, words in (
        ((), "no table was given"),
        (("--database", shop), "no table was given"),
        ((out, "--query", QUERY), "a table and a query"),
    ):
        done = run(*wrong)
        assert done.returncode == 2
        assert words in done.stderr


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_completed_tables_in_columnar_files(shop, tmp_path, ending):
    out, text = tmp_path / f"filled.{ending}", tmp_path / "filled.csv"
    for path in (out, text):
        done = run("--database", shop, "--query", QUERY, *SOON, "--output", path)
        assert done.returncode == 0, done.stderr
    frame = pd.read_parquet(out) if ending == "parquet" else pd.read_feather(out)
    plain = pd.read_csv(text, dtype={"thing": str})
    assert frame.columns.tolist() == plain.columns.tolist()
    assert frame["thing"].tolist() == plain["thing"].tolist()
    np.testing.assert_allclose(frame["grade"], plain["grade"], rtol=1e-8)
    assert ll.read_table(out, row="person", column="thing", value="grade").shape == (30, 20)


def test_columnar_files_are_written_in_batches_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr("lowland.files.outputs.BATCH_ROWS", 7)
    path = tmp_path / "x.parquet"
    write_rows(path, ("a", "b"), ((f"n{k}", k / 3) for k in range(25)))
    assert pq.read_table(path).to_pylist()[24] == {"a": "n24", "b": 8.0}

    def broken():
        yield ("n", 1.0)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_rows(path, ("a", "b"), broken())
    assert pq.read_table(path).num_rows == 25
    write_rows(path, ("a", "b"), ())
    assert pq.read_table(path).num_rows == 0
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet"]


def test_yes_and_no_in_words(tmp_path):
    path, out, model = tmp_path / "w.csv", tmp_path / "out.csv", tmp_path / "m.npz"
    rng = np.random.default_rng(0)
    z = rng.standard_normal(60)
    frame = pd.DataFrame(
        {"name": [f"n{k}" for k in range(60)], "size": z, "more": z + 0.1 * rng.standard_normal(60)}
    )
    frame["smokes"] = np.where(z > 0, "yes", "no")
    frame.loc[::7, "smokes"] = None
    frame.to_csv(path, index=False)
    settings = ("--loss", "smokes=logistic", "--rank", 1, "--penalty", 1)
    done = run(path, *settings, "--output", out, "--model", model, "--no-certify")
    assert done.returncode == 0, done.stderr
    filled = pd.read_csv(out)
    assert set(filled["smokes"]) == {"yes", "no"}
    kept = frame["smokes"].notna()
    assert (filled["smokes"][kept] == frame["smokes"][kept]).all()
    assert (filled["smokes"][~kept] == np.where(z > 0, "yes", "no")[~kept]).mean() > 0.7
    with pytest.warns(UserWarning, match="feature names"):
        loaded = ll.MatrixCompletion.load(model).fill(frame.drop(columns="name"))
    assert loaded["smokes"].tolist() == filled["smokes"].tolist()
    done = run(path, *settings, "--output", out, "--interval", 0.5, "--no-certify", "--force")
    assert done.returncode == 0, done.stderr
    cells = pd.read_csv(out)
    assert cells.loc[cells["column"] == "smokes", "lower"].isna().all()
    assert cells.loc[cells["column"] == "size", "lower"].notna().all()
    done = run(path, "--rank", 1, "--penalty", 1, "--no-certify")  # map fits words only if a loss says so
    assert "'smokes' (2 words without an order)" in done.stdout
    frame["smokes"] = rng.choice(["a", "b", "c"], 60)
    frame.to_csv(path, index=False)
    done = run(path, *settings)
    assert done.returncode == 2
    assert "more than two words" in done.stderr


@pytest.fixture
def interrupt_soon():
    """Return a function that sends SIGINT to this process after a moment, also where it is ignored."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals are heard by the main thread")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    yield timer.start
    timer.cancel()
    signal.signal(signal.SIGINT, before)


def working_threads():
    return [thread for thread in threading.enumerate() if "(run)" in thread.name]


def test_an_interrupt_ends_a_long_query_of_duckdb(tmp_path, interrupt_soon):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "long.duckdb"
    duckdb.connect(str(path)).close()
    long = "select a.range % 7 as r, sum(b.range) as s from range(10000000) a, range(10000000) b group by 1"
    started = time.monotonic()
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        query_arrow(path, long)
    assert time.monotonic() - started < 20
    assert not working_threads()
    found = query_arrow(path, "select 1 as r, 2 as c")  # the file is free again
    assert found.num_rows == 1


@needs_server
def test_an_interrupt_ends_a_query_that_waits(interrupt_soon):
    started = time.monotonic()
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        query_arrow(SERVER, "select 1 as r from pg_sleep(100)")
    assert time.monotonic() - started < 20
    assert not working_threads()
