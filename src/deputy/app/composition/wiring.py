"""The one composition root: settings in, running Deputy out."""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from pydantic import JsonValue

from deputy.adapters.delivery import ThreadDelivery
from deputy.adapters.llm import make_model
from deputy.adapters.llm.second_opinion import ModelSecondOpinion
from deputy.adapters.policies import PolicyFolder
from deputy.adapters.repos import GitRepos
from deputy.adapters.scanners import Scanners
from deputy.adapters.slack.client import build_client
from deputy.adapters.slack.identity import identify
from deputy.adapters.slack.posting.chat import build_chat
from deputy.adapters.slack.receiving.listener import build_listener
from deputy.adapters.store.leases import claim
from deputy.adapters.store.store import SqlStore, open_store
from deputy.adapters.timers import Scheduler
from deputy.app.clock import SystemClock
from deputy.app.composition.environment_services import environments_of, gateways_of, sandboxes_of
from deputy.app.composition.running import Deputy
from deputy.app.composition.sealing import sealing
from deputy.app.composition.supervision import keep_warm_pool, leads, policy_reporter, watch_workers
from deputy.app.settings import Settings
from deputy.domain.errors import BadInput, Unavailable
from deputy.domain.events import EventName, happened
from deputy.flow.engine import DurableEngine, DurableQueue
from deputy.flow.requests.inbox import DurableInbox
from deputy.flow.state.services import Services
from deputy.flow.upkeep.housekeeping import jobs
from deputy.flow.workflows import QUEUES, workflows
from deputy.ports import Model

log = structlog.get_logger(__name__)

WORKER_CLAIM = "worker"
# A model server of one's own often asks for no key, and the vendor's library does not start without one.
NO_KEY = "none"


def open_services(settings: Settings) -> tuple[Services, SqlStore, DurableQueue]:
    """Connect to everything that a worker or a listener needs. Raises one clear sentence for what is missing."""
    store = open_store(settings.database_url, settings.artifacts_url)
    clock = SystemClock()
    queue = DurableQueue(store.engine, QUEUES)
    policies = PolicyFolder(settings.deputy_policies, store, policy_reporter(store, queue, clock))
    policies.current()
    if not settings.slack_bot_token.get_secret_value():
        raise BadInput(
            "SLACK_BOT_TOKEN is not set",
            "Deputy can't speak in Slack without it",
            "install the app from deploy/slack-manifest.yaml and set its bot token (xoxb-…); `deputy doctor` checks it",
        )
    token = settings.slack_bot_token.get_secret_value()
    client = build_client(token, settings.slack_api_url or None)
    try:
        me = identify(client)
    except Unavailable as error:
        todo = "check SLACK_API_URL and the network, then start Deputy again"
        raise Unavailable(error.what, error.why, todo) from None
    make_a_model = model_maker(settings)
    chat = build_chat(store, bot_token=token, api_url=client.base_url)
    repos = GitRepos(settings.home / "git")
    services = Services(
        store=store,
        queue=queue,
        chat=chat,
        delivery=ThreadDelivery(chat, repos, store),
        repos=repos,
        sandboxes=sandboxes_of(settings),
        environments=environments_of(settings),
        gateway=gateways_of(settings),
        scanner=Scanners.at(settings.home / "scanners"),
        policies=policies,
        model=make_a_model,
        screen=lambda: ModelSecondOpinion(make_a_model()),
        clock=clock,
        locate=settings.locate,
        secret=settings.variable,
        team=me.team,
        bot_user=me.user,
        image=settings.deputy_sandbox_image,
    )
    return services, store, queue


def model_maker(settings: Settings) -> Callable[[], Model]:
    """Makes the model when an agent needs it; without a key for the vendor's own API it says what to set."""

    def make() -> Model:
        key = settings.openai_api_key.get_secret_value()
        if not key and not settings.openai_base_url:
            raise Unavailable(
                "no model is configured", "OPENAI_API_KEY is not set", "ask your Deputy's operator to set it"
            )
        return make_model(
            settings.deputy_model_api,
            settings.deputy_model,
            settings.openai_base_url,
            key or NO_KEY,
            stream=settings.deputy_model_stream,
        )

    return make


def start(settings: Settings, *, hears: bool = True, works: bool = True) -> Deputy:
    """Start listening, working, or both."""
    services, store, queue = open_services(settings)
    deputy = Deputy(services, store)
    try:
        if works:
            _start_worker(deputy, settings, queue, _tried(services))
        else:
            queue.migrate(settings.database_url)
        if hears:
            deputy.listener = build_listener(
                DurableInbox(store, queue, services.team),
                bot_token=settings.slack_bot_token.get_secret_value(),
                app_token=settings.slack_app_token.get_secret_value() or None,
                signing_secret=settings.slack_signing_secret.get_secret_value() or None,
                api_url=settings.slack_api_url or None,
                host=settings.deputy_http_host,
                port=settings.deputy_http_port,
                clock=services.clock,
            )
            deputy.listener.start()
    except BaseException:
        deputy.stop()
        raise
    return deputy


def _tried(services: Services) -> str:
    """Try sandboxes and scanners, both at a time for each takes a second; how the sandboxes are sealed."""
    with ThreadPoolExecutor(1) as beside:
        scanners = beside.submit(services.scanner.check)
        services.sandboxes.check()
        sealed = sealing(services.sandboxes.probe())
        scanners.result()
    return sealed


def _start_worker(deputy: Deputy, settings: Settings, queue: DurableQueue, sealed: str) -> None:
    executor = "local" if settings.is_single_machine else f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
    held = claim(deputy.store.engine, WORKER_CLAIM if settings.is_single_machine else executor)
    if held is None:
        raise Unavailable(
            "another Deputy works on this database already",
            "SQLite allows one worker",
            "stop the other one, or set DEPUTY_DATABASE_URL to a Postgres database to run many",
        )
    deputy.claims.append(held)
    engine = DurableEngine(
        deputy.store.engine,
        workflows(deputy.services, queue),
        executor_id=executor,
    )
    engine.launch()
    deputy.engine = engine
    said: dict[str, JsonValue] = {"as": executor, "sealing": sealed}
    started = happened(EventName.SERVICE_STARTED, deputy.services.clock.now(), data=said)
    with deputy.store.transaction() as ledger:
        ledger.append(started)
    deputy.timers = Scheduler(leads(deputy))
    deputy.timers.start(jobs(deputy.services))
    threading.Thread(target=keep_warm_pool, args=(deputy,), name="warm-pool", daemon=True).start()
    if not settings.is_single_machine:
        threading.Thread(target=watch_workers, args=(deputy, executor, held), name="watch-workers", daemon=True).start()
