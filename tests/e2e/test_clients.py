"""The SDKs: official ones behind every web server, the others behind lighttpd; and the programs that
`corelay client` prints. Run with tests/run --clients.
"""
import collections
import json
import os
import re
import shutil
import xml.etree.ElementTree as tree

import pytest

import clients
import harness
from clients import HERE

pytestmark = pytest.mark.skipif(not os.environ.get("CORELAY_TEST_CLIENTS"),
                                reason="needs --clients")

MODELS = {"GPT": "gpt-5", "Claude": "claude-sonnet-4-5", "Gemini": "gemini-3.5-flash"}


def tell_cells(record_property, results):
    """Rows of the table: [(client, family, good)], of any number of tests."""
    cells = collections.defaultdict(list)
    for client, family, good in results:
        cells[client, family].append(good)
    for (client, family), good in cells.items():
        word = f"{sum(good)} passed" if all(good) else f"{good.count(False)} of {len(good)} FAILED"
        record_property("counted", (client, family, word))


def run_node_tests(place, files, site, record_property, where="", **variables):
    """`node --test` of these; how many have passed."""
    for name in (*files, "ground.mjs"):
        shutil.copy(HERE / name, place)
    done = clients.run(["node", "--test", "--test-reporter=tap", *files], place,
                       CORELAY_URL=site.url, CORELAY_KEY=harness.KEY, **variables)
    found = re.findall(r"^(not )?ok \d+ - (?:(.+) )?(GPT|Claude|Gemini): ", done.stdout, re.M)
    tell_cells(record_property, [(f"{client or 'openai'}{where}", family, not bad)
                                 for bad, client, family in found])
    failures = re.findall(r"^not ok .*?(?=^(?:not )?ok |^# tests)", done.stdout, re.M | re.S)
    assert not failures, "\n".join(failures)[:6000]
    passed = re.search(r"^# pass (\d+)", done.stdout, re.M)
    assert done.returncode == 0 and passed, done.stdout[-2000:] + done.stderr[-2000:]
    return int(passed[1])


def test_sdks(npm_clients, site, record_property):
    """Chat, messages, contents, streams, tools, images, embeddings, models, counted tokens, error
    classes: for a GPT, a Claude and a Gemini model."""
    passed = run_node_tests(npm_clients, ["sdk.test.mjs", "google.test.mjs"], site, record_property,
                            f", {site.server}")
    record_property("passed", passed)
    assert passed > 90


def test_sdk_with_stored_responses(npm_clients, gateway, settings, directory, record_property):
    """Retrieve, go on, list, delete, cancel, compact: over several processes."""
    state = directory / "sdk.state"
    state.mkdir(mode=0o700, exist_ok=True)
    config = settings(accounts=("alpha", "beta"), state_dir=str(state), responses={"store": True})
    config["secret_authentication_tokens"].append("sk-test-of-somebody-else")
    site = gateway("lighttpd", config, processes=3)
    passed = run_node_tests(npm_clients, ["stored.test.mjs"], site, record_property, ", stored",
                            CORELAY_OTHER_KEY="sk-test-of-somebody-else")
    assert passed >= 15
    record_property("passed", passed)


@pytest.fixture(scope="module")
def lighttpd(long_lived):
    return long_lived("lighttpd")


@pytest.fixture
def three_rounds(lighttpd, emulator):
    """A gateway, and the script of three rounds in the emulator behind it."""
    emulator.control("POST", "/scripts", json.loads((HERE / "three-rounds.json").read_text()))
    return lighttpd


def check_signatures(emulator):
    """In the three rounds with Gemini 3, through every API."""
    rounds = [json.loads(request["body"]) for request in emulator.inference()
              if "gemini-3" in request["model"] and "in three cities" in request["body"]]
    assert clients.signatures_lost(rounds) == 0


@pytest.mark.parametrize("name,least", [("openai", 30), ("anthropic", 9), ("vercel", 126),
                                        ("langchain", 64)])
def test_more_of_sdks(npm_clients, three_rounds, emulator, record_property, name, least):
    """What they do above plain calls, and other vendors' SDKs with all their providers."""
    assert run_node_tests(npm_clients, [f"{name}.test.mjs"], three_rounds, record_property) >= least
    check_signatures(emulator)


def test_python_sdks(python_clients, three_rounds, emulator, record_property, tmp_path):
    """OpenAI's, Anthropic's and Google's, all of it."""
    report = tmp_path / "report.xml"
    done = clients.run([python_clients / "bin" / "python", "-m", "pytest", "-q", "--rootdir",
                        HERE / "python", "-p", "no:cacheprovider", "--junitxml", report,
                        HERE / "python"], tmp_path, CORELAY_URL=three_rounds.url,
                       CORELAY_KEY=harness.KEY, PYTHONDONTWRITEBYTECODE="1")
    cases = [] if not report.exists() else tree.parse(report).getroot().findall(".//testcase")
    tell_cells(record_property, [
        (f"{case.get('classname').rpartition('test_')[2]} (Python)", family[1],
         case.find("failure") is None and case.find("error") is None)
        for case in cases for family in [re.search(r"\[(\w+)\]", case.get("name"))] if family])
    check_signatures(emulator)
    assert done.returncode == 0 and len(cases) > 80, done.stdout[-6000:] + done.stderr[-2000:]


# --- the programs of `corelay client` ------------------------------------------------------------

def run_program(name, text, place, python, url):
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(text)
    program = python / "bin" / "python" if name.endswith(".py") else "node"
    done = clients.run([program, place / name], place, CORELAY_KEY=harness.KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# How many ways each program asks the model.
@pytest.mark.parametrize("client,asked", [("openai", 2), ("anthropic", 1), ("google", 1),
                                          ("vercel-ai", 5), ("langchain", 3)])
def test_printed_programs(npm_clients, python_clients, lighttpd, emulator, client, asked):
    """Each runs as it is printed, with models of three vendors."""
    def ask(model):
        programs = clients.set_up(client, lighttpd.url, model)
        # Below the folder where node looks for packages.
        place = npm_clients / "programs" / model
        for name, text in programs.items():
            said = run_program(name, text, place, python_clients, lighttpd.url)
            assert said.count("You said: Hello") == asked, said
        return len(programs)

    found = harness.together(len(MODELS), lambda i: ask(list(MODELS.values())[i]))
    for one in found:
        if isinstance(one, Exception):
            raise one
    assert found[0] >= 1
