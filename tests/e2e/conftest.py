"""Fixtures of the end-to-end tests: the emulated SAP AI Core, and web servers with Corelay behind them."""
import pathlib
import shutil
import tempfile

import pytest

import clients
import harness


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds; left out by --quick")


def pytest_collection_modifyitems(items):
    import os
    if os.environ.get("CORELAY_TEST_QUICK"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow"))


@pytest.fixture(scope="session")
def directory():
    """Where everything of this run is; short, for unix sockets, and reachable for other users."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="corelay-e2e."))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def emulator_process(directory):
    keys = directory / "keys"
    keys.mkdir(mode=0o711)
    emulator = harness.Emulator(keys)
    yield emulator
    emulator.end()


@pytest.fixture
def emulator(emulator_process):
    """The emulator with an empty log, no faults, the settings of its start."""
    emulator_process.reset()
    return emulator_process


@pytest.fixture(scope="session")
def settings(emulator_process):
    """A configuration with one subaccount, changed by keyword: settings(log={...})."""
    def make(accounts=("alpha",), **changes):
        config = {
            "subAccounts": {name: {"resource_group": "default",
                                   "service_key_json": str(emulator_process.keys / f"{name}.json")}
                            for name in accounts},
            "secret_authentication_tokens": [harness.KEY],
        }
        config.update(changes)
        return config
    return make


class Gateways:
    """Starts gateways, and ends them in the end."""

    def __init__(self, directory, settings, emulator):
        self.directory, self.settings, self.emulator = directory, settings, emulator
        self.running = []

    def __call__(self, server="lighttpd", config=None, **more):
        place = pathlib.Path(tempfile.mkdtemp(prefix="g.", dir=self.directory))
        # Service keys are beside the configuration, as examples/serve expects when root starts Apache.
        for key in self.emulator.keys.glob("*.json"):
            shutil.copy(key, place)
        config = config if config is not None else self.settings()
        for name, account in config.get("subAccounts", {}).items():
            if account.get("service_key_json") == str(self.emulator.keys / f"{name}.json"):
                account["service_key_json"] = f"{name}.json"
        gateway = harness.Gateway(place, config, server, **more)
        self.running.append(gateway)
        return gateway

    def end(self, gateway):
        self.running.remove(gateway)
        return gateway.end()

    def end_all(self):
        statuses = [(g.server, g.end()) for g in self.running]
        self.running = []
        return statuses


@pytest.fixture
def gateway(directory, settings, emulator):
    """gateway(server, config, processes=, prefix=, env=) starts one; all end with the test."""
    gateways = Gateways(directory, settings, emulator)
    yield gateways
    assert all(status == 0 for _, status in gateways.end_all())


@pytest.fixture(scope="session")
def long_lived(directory, settings, emulator_process):
    """Gateways that many tests share."""
    gateways = Gateways(directory, settings, emulator_process)
    yield gateways
    assert all(status == 0 for _, status in gateways.end_all())


@pytest.fixture(scope="session", params=harness.servers())
def shared_site(request, long_lived):
    """One gateway for each web server, with the plain configuration."""
    return long_lived(request.param)


@pytest.fixture
def site(shared_site, emulator):
    """The gateway of one web server; each test runs once for each of them."""
    return shared_site


@pytest.fixture(scope="session")
def npm_clients():
    """Where npm has put the clients."""
    return clients.install_npm()


@pytest.fixture(scope="session")
def python_clients():
    """The virtual environment with the Python SDKs."""
    return clients.install_python()


def client_cells(terminalreporter):
    """{client: {family: words}}, of the tests that say which cells they are about: a "cell" shares
    the fate of its test, what was "counted" speaks for itself."""
    cells = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for kind, value in report.user_properties:
                if kind in ("cell", "counted"):
                    client, family, word = value
                    bad = kind == "cell" and outcome == "failed"
                    cells.setdefault(client, {}).setdefault(family, []).append(
                        "FAILED" if bad else word)
    return cells


def write_client_table(terminalreporter):
    cells = client_cells(terminalreporter)
    if not cells:
        return
    terminalreporter.section("clients")
    families = ("GPT", "Claude", "Gemini")
    width = max(map(len, cells)) + 2
    terminalreporter.write_line("".ljust(width) + "".join(f.ljust(24) for f in families))
    for client, row in sorted(cells.items()):
        terminalreporter.write_line(client.ljust(width) + "".join(
            ", ".join(row.get(f, ["-"])).ljust(24) for f in families))


def pytest_terminal_summary(terminalreporter):
    """The times that tests have measured, in milliseconds."""
    write_client_table(terminalreporter)
    rows = [(report.nodeid.split("::", 1)[-1],
             [pair for pair in report.user_properties if pair[0] not in ("cell", "counted")])
            for report in terminalreporter.getreports("passed")]
    rows = [row for row in rows if row[1]]
    if rows:
        terminalreporter.section("measured")
        for name, properties in rows:
            terminalreporter.write_line(f"{name}: " + ", ".join(f"{k} {v}" for k, v in properties))
