"""Fixtures of the end-to-end tests: the emulated SAP AI Core, and web servers with Corelay behind them."""
import pathlib
import shutil
import tempfile

import pytest

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


def pytest_terminal_summary(terminalreporter):
    """The times that tests have measured, in milliseconds."""
    rows = [(report.nodeid.split("::", 1)[-1], report.user_properties)
            for report in terminalreporter.getreports("passed") if report.user_properties]
    if rows:
        terminalreporter.section("measured")
        for name, properties in rows:
            terminalreporter.write_line(f"{name}: " + ", ".join(f"{k} {v}" for k, v in properties))
