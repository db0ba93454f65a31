"""Certificates of every kind, written by one command and checked by another."""

import json

import numpy as np
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.cli.commands import tomography
from lowland.cli.judging.proofs import OPTIONS_OF
from lowland.files.tables import read_table
from lowland.recheck.documents import KINDS


def measurements(folder):
    rng = np.random.default_rng(0)
    arrays, factor = rng.standard_normal((60, 5, 5)), rng.standard_normal((5, 1))
    data = folder / "data.npz"
    np.savez(data, arrays=arrays, y=np.einsum("kij,ij->k", arrays, factor @ factor.T))
    return ("sense", data, "--rank", 1, "--quiet"), data, ()


def counts(folder):
    rng = np.random.default_rng(0)
    lines = [f"{s},{o},{rng.integers(20, 100)}" for s in "XYZ" for o in "01"]
    data = folder / "counts.csv"
    data.write_text("\n".join(["setting,outcome,count", *lines]))
    return ("sense", data, "--quiet"), data, ()


def tensor(folder):
    rng = np.random.default_rng(0)
    data = folder / "data.npz"
    cube = np.einsum("ia,ja,ka->ijk", *(rng.standard_normal((n, 2)) for n in (6, 5, 4)))
    np.savez(data, first=cube + 1, second=cube)
    options = ("--variable", "second")
    return ("tucker", data, "--ranks", 2, "--quiet", *options), data, options


def region(folder):
    rng = np.random.default_rng(0)
    table = rng.standard_normal((5, 4))
    data, net = folder / "data.csv", folder / "net.npz"
    np.savetxt(data, table, delimiter=",", header="a,b,c,z", comments="")
    weights = {"weight_0": rng.standard_normal((12, 3)), "weight_1": rng.standard_normal((1, 12))}
    np.savez(net, bias_0=rng.standard_normal(12), **weights)
    options = ("--target", "z")
    return ("regions", data, "--network", net, *options), data, options


@pytest.mark.parametrize("make", [measurements, counts, tensor, region])
def test_what_one_command_writes_another_confirms(make, tmp_path, monkeypatch):
    monkeypatch.setattr(tomography, "RESAMPLES", 3)  # proofs say nothing of error bars
    command, data, options = make(tmp_path)
    proof = tmp_path / "proof.json"
    done = call(*command, "--certificate", proof, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert f"certificate: {proof}" in done.stdout
    checked = call("certify", proof, data, *options, "--json", "--quiet", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert all(check["outcome"] == "confirmed" for check in json.loads(checked.stdout)["checks"])
    forged = json.loads(proof.read_text())
    forged["findings"][0] |= {"verdict": "refuted", "rigour": "rigorous"}
    proof.write_text(json.dumps(forged))
    assert call("certify", proof, data, *options, "--quiet", cwd=tmp_path).returncode == 1


def audited_table(folder):
    rng, data = np.random.default_rng(0), folder / "data.csv"
    table = rng.standard_normal((120, 2)) @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((120, 6))
    table[rng.random(table.shape) < 0.25] = np.nan
    lines = [",".join("" if np.isnan(x) else f"{x:.6f}" for x in row) for row in table]
    data.write_text("\n".join(["a,b,c,d,e,f", *lines]))
    plain = ("--max-iter", 20, "--refine", "no", "--powers", "no")
    return ("complete", data, *plain, "--output", folder / "out.csv"), data


def audited_tensor(folder):
    rng, data = np.random.default_rng(1), folder / "cube.npy"
    cube = np.einsum("ia,ja,ka->ijk", *(rng.standard_normal((n, 2)) for n in (12, 10, 6)))
    cube += 0.2 * rng.standard_normal(cube.shape)
    cube[rng.random(cube.shape) < 0.3] = np.nan
    np.save(data, cube)
    return ("fill", data, "--model", "cp", "--rank", 2, "--draws", 20, "--output", folder / "out.npz"), data


@pytest.mark.parametrize("make", [audited_table, audited_tensor])
def test_proofs_about_missing_cells_are_checked_from_their_files(make, tmp_path):
    command, data = make(tmp_path)
    proof = tmp_path / "proof.json"
    done = call(*command, "--certificate", proof, "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = json.loads(proof.read_text())
    covered = next(one for one in written["findings"] if one["claim"] == "covered")
    assert covered["verdict"] == "proved"
    # what cannot be derived again is not checked, which is enough for what is required alone
    assert call("certify", proof, data, "--require", "covered", cwd=tmp_path).returncode == 0
    assert call("certify", proof, data, cwd=tmp_path).returncode == 1
    assert call("certify", proof, data, "--require", "alike", cwd=tmp_path).returncode == 1
    covered["value"] = 0.99
    proof.write_text(json.dumps(written))
    forged = call("certify", proof, data, "--require", "covered", cwd=tmp_path)
    assert forged.returncode == 1
    assert "contradicted" in forged.stdout


def test_every_kind_of_certificate_can_be_read():
    assert set(OPTIONS_OF) == set(KINDS)


def test_the_stability_of_a_network(tmp_path):
    x, proof, data = np.linspace(-2, 2, 9), tmp_path / "proof.json", tmp_path / "data.csv"
    net = ll.networks.ReluNetwork(([[1.0], [1.0]], [1.0, -1.5]), ([0.5, -0.4], [0.1]))
    ll.networks.stability_report(net, x, np.sin(x), 0.05).save_certificate(proof)
    np.savetxt(data, np.c_[x, np.sin(x)], delimiter=",", header="x,y", comments="", fmt="%.17g")
    assert call("certify", proof, data, cwd=tmp_path).returncode == 0
    np.savetxt(data, np.c_[x, x, x, x], delimiter=",", header="x,y,w,z", comments="")
    wrong = call("certify", proof, data, cwd=tmp_path)
    assert_clean_error(wrong, "x, y and perhaps weights")


@pytest.mark.parametrize("option", ["--row", "--variable", "--delimiter"])
def test_options_without_effect_are_refused(option, tmp_path):
    command, data, _ = measurements(tmp_path)
    proof = tmp_path / "proof.json"
    call(*command, "--certificate", proof, cwd=tmp_path)
    refused = call("certify", proof, data, option, "a", cwd=tmp_path)
    assert_clean_error(refused, f"{option} has no effect")


def test_a_certificate_of_no_network_is_refused(tmp_path):
    _, data, _ = region(tmp_path)
    refused = call("regions", data, "--certificate", tmp_path / "proof.json", cwd=tmp_path)
    assert_clean_error(refused, "add --network")


@pytest.mark.parametrize(
    ("penalty", "forge"),
    [
        # noise far from the centre is a constant to some digits; beside one column others count for nothing
        (30.0, lambda x: (np.full(6, -1e3), np.ones(6))),
        (1.0, lambda x: (x.mean(axis=0), x.std(axis=0) * 10.0 ** np.where(np.arange(6) > 0, 9, 0))),
    ],
    ids=["centres", "spreads"],
)
def test_a_required_claim_in_forged_units_is_not_confirmed(penalty, forge, tmp_path):
    """All claims are true of the table in these units, which keep all digits; it was confirmed once."""
    noise = np.round(np.exp(np.random.default_rng(0).standard_normal((12, 6))), 3)
    np.savetxt(tmp_path / "noise.csv", noise, delimiter=",", header="a,b,c,d,e,f", comments="")
    centres, spreads = forge(noise)
    settings = {"method": "map", "rank": 1, "penalty": penalty, "biases": False, "random_state": 0}
    fit = ll.MatrixCompletion(**settings).fit((noise - centres) / spreads)
    assert fit.certificate_["globally_optimal"].verdict is ll.Verdict.PROVED
    fit.save_certificate(tmp_path / "forged.json")
    plain = json.loads((tmp_path / "forged.json").read_text())
    known = read_table(tmp_path / "noise.csv")
    plain["data"] = known.fingerprint()
    plain["problem"]["scaling"] = {"centres": centres.tolist(), "spreads": spreads.tolist()}
    (tmp_path / "forged.json").write_text(json.dumps(plain))
    done = call("certify", "forged.json", "noise.csv", "--require", "globally_optimal", cwd=tmp_path)
    assert done.returncode == 1
    assert "not checked; column " in done.stdout
    assert "the required claim globally_optimal is not confirmed" in done.stderr
