"""The command `dragoman`: serve, demo, translate, usage, check, import-litellm, providers, new-provider."""

import argparse
import asyncio
import gc
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TypeVar, get_args

import orjson
import structlog

from config.environment import CONFIG_VARIABLE, value_of
from config.errors import ConfigurationError
from config.litellm import faults_of, import_litellm, written
from config.loader import load
from config.placeholders import placeholder_settings
from config.settings import Settings
from config.startup import describe, warnings
from proxy.app import Plugins, Server, checked, spent, store_of, store_url, translate
from proxy.exchange.prompts import read_prompts
from proxy.http.kernel import raise_file_limit
from proxy.reloading import Reloading
from proxy.responses.errors import ResponsesError
from proxy.state.opening import shown
from proxy.state.store import StoreOpenError, StoreUnavailableError
from proxy.usage import log
from proxy.usage.report import COLUMNS, DEFAULT_BY, Format, QueryError, read_query, rendered

Result = TypeVar("Result")

OWN_PACKAGES = ("proxy", "providers", "config")
SWITCH_INTERVAL = 0.001
"""How long, in seconds, a thread may keep the event loop waiting: the one that renders metrics would take five times as
long by default."""

MISUSE = 2
"""Exit status for a wrong command line or configuration: nothing was started."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if intruder := _intruder():
        _complain(intruder)
        return MISUSE
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        return command(parsed)
    except (ConfigurationError, StoreOpenError) as error:
        _complain(str(error))
        return MISUSE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dragoman", description="A gateway that speaks the OpenAI Responses API in front of any model vendor."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve requests until told to stop")
    serve.add_argument("--config", type=Path, metavar="FILE", help="the configuration file")
    serve.add_argument("--host", help="the address to listen on")
    serve.add_argument("--port", type=int, help="the port to listen on")
    serve.set_defaults(command=_serve)

    demo = commands.add_parser("demo", help="start a small real model on this machine and stream two answers from it")
    demo.add_argument("--once", action="store_true", help="end after the answers")
    demo.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    demo.add_argument("--port", type=int, default=8080, help="the port to listen on")
    demo.set_defaults(command=_demo)

    translate = commands.add_parser(
        "translate", help="show what a request becomes for a model, without calling anybody"
    )
    translate.add_argument("file", metavar="FILE", help="the request as JSON; - for standard input")
    translate.add_argument("--model", required=True, metavar="PROVIDER/MODEL", help="the model to ask instead")
    translate.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the configuration file; without one, every provider has its defaults",
    )
    translate.add_argument("--strict", action="store_true", help="refuse the request if anything of it is lost")
    translate.add_argument("--json", action="store_true", help="on one line, for programs")
    translate.set_defaults(command=_translate)

    usage = commands.add_parser(
        "usage",
        help="show what was spent",
        description="Shows what was spent, from the store that the configuration names. FROM and TO are durations back "
        "from now (7d, 12h) or times (2026-11-23, 2026-11-23T10:00Z).",
    )
    usage.add_argument("--by", metavar="COLUMNS", help=f"some of {','.join(COLUMNS)} (default: {DEFAULT_BY})")
    usage.add_argument("--since", metavar="FROM", help="the beginning (default: 30 days before the end)")
    usage.add_argument("--until", metavar="TO", help="the end (default: now)")
    usage.add_argument("--format", choices=get_args(Format), default="table", help="the form (default: table)")
    usage.add_argument("--config", type=Path, metavar="FILE", help="the configuration file")
    usage.set_defaults(command=_usage)

    check = commands.add_parser(
        "check",
        help="check a configuration and its providers without serving",
        description="Checks a configuration, and asks every provider in it for its models, which costs nothing.",
    )
    check.add_argument("--config", type=Path, metavar="FILE", help="the configuration file")
    check.add_argument("--offline", action="store_true", help="ask nobody")
    check.set_defaults(command=_check)

    importing = commands.add_parser(
        "import-litellm",
        help="make a configuration from one of LiteLLM's proxy",
        description="Makes a configuration from one of LiteLLM's proxy, and says what of it has no counterpart.",
    )
    importing.add_argument("file", type=Path, metavar="FILE", help="LiteLLM's configuration")
    importing.add_argument("--output", type=Path, metavar="FILE", help="where to (default: standard output)")
    importing.set_defaults(command=_import_litellm)

    providers = commands.add_parser("providers", help="list the installed providers")
    providers.set_defaults(command=_providers)

    new_provider = commands.add_parser(
        "new-provider",
        help="write a provider as a distribution of its own",
        description="Writes a distribution with a provider for a vendor that takes and gives text alone. Its tests "
        "hold it to the conformance kit, which it passes as it is.",
    )
    new_provider.add_argument("name", metavar="NAME", help="the provider's type: small letters, digits, underscores")
    new_provider.add_argument(
        "--folder", type=Path, metavar="DIR", help="where, a folder that does not exist (default: dragoman-NAME)"
    )
    new_provider.set_defaults(command=_new_provider)
    return parser


# --- commands ---------------------------------------------------------------------------------------------------------


def _serve(parsed: argparse.Namespace) -> int:
    plugins = Plugins()
    environment = dict(os.environ)

    def read() -> Settings:
        return load(parsed.config, environment, plugins, host=parsed.host, port=parsed.port)

    settings = read()
    log.configure()
    return _run(_serve_until_told(settings, plugins, read))


async def _serve_until_told(settings: Settings, plugins: Plugins, read: Callable[[], Settings]) -> int:
    logger = structlog.get_logger("dragoman")
    for line in [*describe(settings), f"store: {shown(store_url(settings))}"]:
        logger.info("configured", detail=line)
    for line in warnings(settings):
        logger.warning("configured", detail=line)
    server = Server(settings, plugins)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        await server.start()
    except OSError as error:
        _complain(f"cannot listen on {error.filename or settings.listen}: {error.strerror or error}")
        await server.stop()
        return 1
    except StoreOpenError:
        await server.stop()
        raise
    raise_file_limit()
    settle_memory()
    sys.setswitchinterval(SWITCH_INTERVAL)
    logger.info("listening", address=str(settings.listen), port=server.port)
    if server.admin_port is not None:
        logger.info("administration listening", address=str(settings.admin.listen), port=server.admin_port)
    file = settings.source.file
    reloading = Reloading(server, read, None if file is None else Path(file))
    loop.add_signal_handler(signal.SIGHUP, reloading.tell)
    keeping_up = loop.create_task(reloading.keep_up())
    await told.wait()
    keeping_up.cancel()
    logger.info("stopping", grace_seconds=settings.grace)
    await server.stop()
    return 0


def _demo(parsed: argparse.Namespace) -> int:
    # Imported here, because only this command needs it.
    from proxy.demo import run

    return _run(run(once=parsed.once, host=parsed.host, port=parsed.port))


def _translate(parsed: argparse.Namespace) -> int:
    plugins = Plugins()
    configured = parsed.config is not None or value_of(os.environ, CONFIG_VARIABLE) is not None
    settings = load(parsed.config, os.environ, plugins) if configured else placeholder_settings(plugins)
    try:
        written = sys.stdin.buffer.read() if parsed.file == "-" else Path(parsed.file).read_bytes()
        request = orjson.loads(written)
    except OSError as error:
        _complain(f"cannot read {parsed.file}: {error.strerror}")
        return MISUSE
    except orjson.JSONDecodeError as error:
        _complain(f"{parsed.file}: line {error.lineno}, column {error.colno}: {error.msg}")
        return MISUSE
    if not isinstance(request, dict):
        _complain(f"{parsed.file}: expected a JSON object with the parameters of a request")
        return MISUSE
    log.configure()
    body = orjson.dumps({**request, "model": parsed.model})
    try:
        result = asyncio.run(translate(settings, plugins, body, strict=parsed.strict))
    except ResponsesError as error:
        named = f" Without a configuration there are: {', '.join(settings.providers)}."
        _complain(error.message + (named if error.code == "model_not_found" and not configured else ""))
        return 1
    sys.stdout.write(f"{result.as_json(indented=not parsed.json).decode()}\n")
    return 0


def _usage(parsed: argparse.Namespace) -> int:
    settings = load(parsed.config, os.environ, Plugins())
    try:
        query = read_query(parsed.by, parsed.since, parsed.until, time.time())
        groups = asyncio.run(spent(settings, query))
    except QueryError as error:
        _complain(f"--{error.parameter}: {error}")
        return MISUSE
    except StoreUnavailableError as error:
        _complain(f"the store {shown(store_url(settings))} cannot be reached: {error.__cause__ or 'try again'}")
        return 1
    return _put(rendered(query, groups, parsed.format))


def _check(parsed: argparse.Namespace) -> int:
    plugins = Plugins()
    settings = load(parsed.config, os.environ, plugins)
    read_prompts(settings)
    store_of(settings)
    for line in [*describe(settings), f"store: {shown(store_url(settings))}"]:
        _say(line)
    for line in warnings(settings):
        _say(f"note: {line}")
    _say("the configuration is valid")
    if parsed.offline:
        return 0
    log.configure()
    return _run(_ask_providers(settings, plugins))


async def _ask_providers(settings: Settings, plugins: Plugins) -> int:
    failed = 0
    async for report in checked(settings, plugins):
        failed += report.failed
        for line in report.lines:
            _say(line)
        sys.stdout.flush()
    if failed:
        _complain(f"{failed} of {len(settings.providers)} providers cannot be used as they are configured")
    return 1 if failed else 0


def _import_litellm(parsed: argparse.Namespace) -> int:
    try:
        text = parsed.file.read_text(encoding="utf-8")
        imported = import_litellm(text, str(parsed.file))
        result = written(imported)
        if parsed.output is None:
            sys.stdout.write(result)
        else:
            with parsed.output.open("x", encoding="utf-8") as file:
                file.write(result)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        name = getattr(error, "filename", None) or parsed.file
        _complain(f"{name}: {reason}")
        return MISUSE
    for note in imported.notes:
        _complain(f"note: {note}")
    problems = faults_of(result, Plugins())
    for problem in problems:
        _complain(f"to be completed: {problem}")
    return 1 if problems else 0


def _providers(parsed: argparse.Namespace) -> int:
    plugins = Plugins()
    for name in plugins:
        provider = plugins.provider(name)
        variable = f"  {provider.environment_key}" if provider.environment_key else ""
        _say(f"{name:<14}{(provider.__doc__ or '').strip().splitlines()[0]}{variable}")
    return 0


def _new_provider(parsed: argparse.Namespace) -> int:
    # Imported here, because only this command needs it.
    from proxy.testing.scaffold import ScaffoldError, default_folder, new_provider

    folder = parsed.folder or default_folder(parsed.name)
    try:
        written = new_provider(parsed.name, folder, list(Plugins()))
    except ScaffoldError as error:
        _complain(str(error))
        return MISUSE
    for path in written:
        _say(f"wrote {path}")
    _say(f"next: cd {folder} && pip install --editable . pytest && python -m pytest")
    return 0


# --- the process ------------------------------------------------------------------------------------------------------


def _run(main: Coroutine[None, None, Result]) -> Result:
    """Run on uvloop where it is installed (extra `speed`)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def settle_memory() -> None:
    """Take what start-up made out of the garbage collector's sight, and let it run less often: requests make many
    containers and almost no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _intruder() -> str | None:
    """Names the package that was found instead of ours: their names are common words."""
    home = Path(__file__).resolve().parent.parent
    for name in OWN_PACKAGES:
        found = importlib.import_module(name).__file__
        if found is None or Path(found).resolve().parent.parent != home:
            return (
                f"the package '{name}' was imported from {found or 'a folder without __init__.py'}, not from {home}. "
                "Another distribution or the current folder hides it: install dragoman into an environment of its own."
            )
    return None


def _put(output: bytes) -> int:
    """Write output whose reader may leave early; the exit status."""
    try:
        sys.stdout.flush()
        # Unbuffered output may be taken in part.
        rest = memoryview(output)
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter would complain when it flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"dragoman: {text}\n" if "\n" not in text else f"dragoman:\n{text}\n")
