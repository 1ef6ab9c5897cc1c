"""A short soak: callers of every API, an upstream that fails every tenth time. tests/soak/run is the long one."""
import subprocess
import sys

import pytest

from harness import BUILD, ROOT


@pytest.mark.slow
def test_fifteen_seconds_of_faults(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "tests" / "soak" / "run", "--build", BUILD, "--out", tmp_path,
                           "--seconds", "15", "--callers", "60", "--processes", "2"],
                          check=False, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert (tmp_path / "soak.svg").stat().st_size > 1000
