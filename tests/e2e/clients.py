"""Installing the real clients, setting them up as `corelay client` says, and running them.

The versions are in tests/clients: package.json for npm, requirements.txt for Python. What is installed
stays in the build directory from run to run.
"""
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import venv

import harness

HERE = harness.ROOT / "tests" / "clients"
FAMILIES = {"gpt": "GPT", "anthropic--claude": "Claude", "claude": "Claude", "gemini": "Gemini"}


def family_of(model):
    """The vendor's family, by name; an alias says it at its end."""
    for end in ("claude", "gemini"):
        if model.endswith("-" + end):
            return FAMILIES[end]
    return next(family for start, family in FAMILIES.items() if model.startswith(start))


def signatures_lost(bodies):
    """How many calls were given back to Gemini 3 without the signature that it had given with them. Of
    parallel calls the first alone has one; others are excused by a word that the gateway knows."""
    parts = [part for body in bodies for content in body.get("contents", [])
             for part in [p for p in content["parts"] if "functionCall" in p][:1]]
    kept = [part for part in parts
            if part.get("thoughtSignature", "skip_thought_signature_validator") !=
            "skip_thought_signature_validator"]
    assert parts
    return len(parts) - len(kept)


def installed_once(place, wanted, install):
    """Call install() unless what is in `place` was made for these very versions. Of several workers one
    installs, and the others wait."""
    done = place / "installed"
    with open(f"{place}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != wanted:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            install()
            done.write_text(wanted)
    return place


def must(command, **more):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=900, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def install_npm():
    place = harness.BUILD / "clients"
    wanted = (HERE / "package.json").read_text()

    def install():
        shutil.copy(HERE / "package.json", place)
        must(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock",
              "--prefer-offline"], cwd=place)

    return installed_once(place, wanted, install)


def install_python():
    place = harness.BUILD / "clients-python"
    wanted = (HERE / "requirements.txt").read_text()

    def install():
        venv.create(place, with_pip=True)
        must([place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check",
              "-r", HERE / "requirements.txt"])

    return installed_once(place, wanted, install)


def plain_environment(**variables):
    """An environment that names no model service, no proxy, and no home of somebody."""
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith(("ANTHROPIC_", "OPENAI_", "CLAUDE_", "GEMINI_", "GOOGLE_",
                                        "NODE_OPTIONS", "PYTHON", "XDG_"))
                   and not k.lower().endswith("_proxy")}
    environment["PATH"] = f"{harness.BUILD}/clients/node_modules/.bin:{environment['PATH']}"
    environment.update({k: str(v) for k, v in variables.items()})
    return environment


def run(command, cwd, seconds=300, **variables):
    """Run a program of the installed clients."""
    return subprocess.run([str(word) for word in command], cwd=cwd,
                          env=plain_environment(**variables), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=seconds * harness.PATIENCE)


def set_up(client, url, model, key_env="CORELAY_KEY"):
    """What `corelay client` says: {where: text}, for each program {name: text}."""
    command = pathlib.Path(os.environ.get("CORELAY", harness.BUILD / "src" / "corelay"))
    said = subprocess.run([command, "client", client, "--url", url, "--model", model,
                           "--key-env", key_env, "--json"], check=True, capture_output=True,
                          text=True)
    return {pathlib.Path(row["file"]).name if row["where"] == "program" else row["where"]:
            row["text"] for row in json.loads(said.stdout)["files"]}


def put_files(files, home):
    """Write the files that belong somewhere below the home; what remains is for the shell."""
    for where, text in files.items():
        if where.startswith("~/"):
            path = home / where[2:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return files.get("shell", "")


def run_set_up(client, command, home, work, url, model, key, seconds=300, change=None,
               **variables):
    """Set the client up in a home of its own, and run the command in the shell that the set-up
    prepares. change(files) may alter what belongs to the place rather than to the gateway."""
    files = set_up(client, url, model)
    if change:
        change(files)
    shell = put_files(files, home)
    script = home / "run.sh"
    script.write_text(shell + '\nexec "$@"\n')
    return run(["sh", script, *command], work, seconds, HOME=home, CORELAY_KEY=key, **variables)
