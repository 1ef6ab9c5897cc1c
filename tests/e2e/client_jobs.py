"""The job that each command line does in the tests: read a file, edit it with the client's own tool, run a
command. Which tools a client has, and what it calls their arguments, is written down here.
"""
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import time
from typing import Callable

import clients
import harness

BEFORE, AFTER = "colour = red\n", "colour = bl\u00fc\n"
PATCH = ("*** Begin Patch\n*** Update File: colour.txt\n@@\n-colour = red\n+colour = bl\u00fc\n"
         "*** End Patch\n")
COMMAND = "wc -c < colour.txt > size"
# A name that Codex knows makes it offer its own tool for patches, whatever model stands behind.
ALIASES = {"gemini-three": "gemini-3.5-flash", "gpt-5.5-claude": "anthropic--claude-4.5-sonnet",
           "gpt-5.5-gemini": "gemini-3.5-flash"}


def call(name, **arguments):
    return {"name": name, "args": arguments}


def claude_code_calls(path, model):
    return [call("Read", file_path=path),
            call("Edit", file_path=path, old_string="red", new_string="bl\u00fc"),
            call("Bash", command=COMMAND, description="Measure it")]


def codex_calls(path, model):
    patch = (call("apply_patch", input=PATCH) if model.startswith("gpt-5.5") else
             call("exec_command", cmd=f"apply_patch <<'END'\n{PATCH}END\n"))
    return [call("exec_command", cmd="cat colour.txt"), patch, call("exec_command", cmd=COMMAND)]


def opencode_calls(path, model):
    edit = (call("apply_patch", patchText=PATCH) if model.startswith("gpt-") else
            call("edit", filePath=path, oldString="red", newString="bl\u00fc"))
    return [call("read", filePath=path), edit, call("bash", command=COMMAND)]


def gemini_cli_calls(path, model):
    return [call("read_file", file_path=path),
            call("replace", file_path=path, instruction="Paint it.", old_string="red",
                 new_string="bl\u00fc"),
            call("run_shell_command", command=COMMAND)]


def cline_calls(path, model):
    edit = (call("apply_patch", input=PATCH) if model.startswith("gpt-") else
            call("editor", path=path, old_text="red", new_text="bl\u00fc"))
    return [call("read_files", files=[{"path": path}]), edit, call("run_commands", commands=[COMMAND])]


def claude(model, prompt):
    return ["claude", "-p", prompt, "--allowedTools", "Read,Edit,Bash", "--output-format", "json"]


def codex(model, prompt):
    return ["codex", "exec", "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox", prompt]


def opencode(provider):
    return lambda model, prompt: ["opencode", "run", "--model", f"{provider}/{model}", prompt]


def gemini(model, prompt):
    return ["gemini", "--yolo", "-p", prompt]


def cline(model, prompt):
    return ["cline", "-P", "openai", "-m", model, "--auto-approve", "true", "-t", "200", prompt]


# Names nothing that would be asked on the internet.
OPENCODE = {f"OPENCODE_DISABLE_{what}": "1" for what in
            ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")}


@dataclasses.dataclass(frozen=True)
class Client:
    name: str  # as the table calls it
    set_up: str  # as `corelay client` calls it
    api: str  # the dialect that its requests are in
    command: Callable
    calls: Callable
    environment: dict = dataclasses.field(default_factory=dict)


CLIENTS = {c.name: c for c in (
    Client("Claude Code", "claude-code", "anthropic-messages", claude, claude_code_calls),
    Client("Codex", "codex", "openai-responses", codex, codex_calls),
    Client("OpenCode, compatible", "opencode", "openai-chat", opencode("corelay"), opencode_calls,
           OPENCODE),
    Client("OpenCode, openai", "opencode", "openai-responses", opencode("corelay-responses"),
           opencode_calls, OPENCODE),
    Client("OpenCode, anthropic", "opencode", "anthropic-messages", opencode("corelay-anthropic"),
           opencode_calls, OPENCODE),
    Client("OpenCode, google", "opencode", "gemini-generate", opencode("corelay-google"), opencode_calls,
           OPENCODE),
    Client("Gemini CLI", "gemini-cli", "gemini-generate", gemini, gemini_cli_calls,
           {"GEMINI_CLI_TRUST_WORKSPACE": "true"}),
    # Its sessions otherwise live in a process of the background that stays.
    Client("Cline", "cline", "openai-chat", cline, cline_calls,
           {"CLINE_SESSION_BACKEND_MODE": "local"}),
    Client("Claude Code Router", "claude-code-router", "openai-chat", claude, claude_code_calls,
           {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}),
)}

# Models beyond the three that each client is tried with: of other generations, and by other names.
TRIO = ("gpt-5", "claude-sonnet-4-5", "gemini-3.5-flash")
MODELS = {
    "Claude Code": (*TRIO, "gemini-2.5-pro", "anthropic--claude-4.8-opus"),
    "Codex": (*TRIO, "gpt-5.5", "gpt-5.5-claude", "gpt-5.5-gemini", "anthropic--claude-4.8-opus",
              "gemini-2.5-pro"),
    # What it knows by name it may replace by a newer one: the alias is a name of its own.
    "Gemini CLI": ("gpt-5", "claude-sonnet-4-5", "gemini-three", "gemini-2.5-pro",
                   "anthropic--claude-4.8-opus"),
}
ALL = [(name, model) for name in CLIENTS for model in MODELS.get(name, TRIO)]


def key_name(name, model):
    return f"{name}/{model}".replace(" ", "-").replace(",", "")


def key_of(name, model):
    return f"sk-test-{key_name(name, model)}"


@dataclasses.dataclass
class Outcome:
    """What is left of a job."""
    done: subprocess.CompletedProcess
    seconds: float
    file: str
    size: str
    records: list  # of the gateway's log
    bodies: list  # of the requests that reached the emulated SAP AI Core


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def router(home):
    """The Claude Code Router that the set-up starts, ended by its process id: it ignores SIGTERM."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            pid = int((home / ".claude-code-router" / ".claude-code-router.pid").read_text())
            os.kill(pid, signal.SIGKILL)


def prompt_of(name, model):
    return f"Paint it [{key_name(name, model)}]"


def write_script(emulator, client, model, path):
    steps = [{"think": f"Step {i}.", "tool_calls": [one]}
             for i, one in enumerate(client.calls(str(path), model))]
    emulator.control("POST", "/scripts", {"match": prompt_of(client.name, model),
                                          "steps": [*steps, {"text": "It is blue."}]})


def read_or_none(path):
    return path.read_text() if path.exists() else None


def do(client, model, place, site, emulator):
    home, work = place / "home", place / "work"
    home.mkdir(parents=True)
    work.mkdir()
    path = work / "colour.txt"
    path.write_text(BEFORE)
    write_script(emulator, client, model, path)
    prompt = prompt_of(client.name, model)

    def change(files):
        where = "~/.claude-code-router/config.json"
        if where in files:
            files[where] = files[where].replace("3456", str(free_port()))

    began = time.monotonic()
    with router(home):
        done = clients.run_set_up(client.set_up, client.command(model, prompt), home, work,
                                  site.url, model, key_of(client.name, model), change=change,
                                  **client.environment)
    seconds = time.monotonic() - began
    bodies = [r["body"] for r in emulator.inference() if prompt in r.get("body", "")]
    return Outcome(done, seconds, path.read_text(), read_or_none(work / "size"),
                   [r for r in site.records() if r.get("key") == key_name(client.name, model)],
                   [json.loads(body) for body in bodies])


class Jobs:
    """Does the jobs two at a time: the clients start slowly, and use one processor each."""

    def __init__(self, wanted, directory, site, emulator):
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.futures = {
            (name, model): self.pool.submit(do, CLIENTS[name], model,
                                            directory / key_name(name, model).replace("/", "-"),
                                            site, emulator)
            for name, model in wanted}

    def outcome(self, name, model):
        return self.futures[name, model].result()

    def end(self):
        self.pool.shutdown(cancel_futures=True)
