"""The broker that the settings name, or one of our own."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from patrolctl.config import Settings
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import InputError
from patrolctl.mqtt import TlsListener, load_accounts, run_broker

log = logging.getLogger(__name__)

TLS_PORT = 8883


def tls_of(settings: Settings) -> TlsListener | None:
    """How other machines reach our broker; None: not at all.

    Raises:
        InputError: a certificate without its key, or nothing to listen on.
    """
    cert, key = settings.broker_cert_file, settings.broker_key_file
    if settings.broker_host is None:
        if cert or key or settings.broker_client_ca_file:
            right = "the address on which other machines reach the broker"
            raise InputError.one("broker_host", "is missing", right)
        return None
    if cert is None or key is None:
        right = "broker_cert_file and broker_key_file: others reach it over TLS only"
        raise InputError.one("broker_host", "has no certificate", right)
    return TlsListener(
        settings.broker_host,
        settings.broker_tls_port or TLS_PORT,
        cert,
        key,
        settings.broker_client_ca_file,
    )


@asynccontextmanager
async def broker_url(
    settings: Settings, briefs: Mapping[str, Brief]
) -> AsyncIterator[str]:
    """Where the service connects to.

    Our own broker knows accounts: the service's, a viewer's and one of each
    loudspeaker, with the passwords in ``data_dir/broker/accounts.json``.

    Raises:
        InputError, BrokerFailed: the settings or files cannot be used.
    """
    if settings.mqtt_url is not None:
        yield settings.mqtt_url
        return
    folder = settings.data_dir / "broker"
    fleet = [e for b in briefs.values() for e in b.fleet]
    accounts = load_accounts(
        folder / "accounts.json",
        dict.fromkeys(e.speaker_id for e in fleet if e.speaker_id),
        [e.speaker_dji for e in fleet if e.speaker_dji],
    )
    async with run_broker(
        port=settings.broker_port,
        state_dir=folder,
        accounts=accounts,
        tls=tls_of(settings),
    ) as broker:
        if broker.kind != "mosquitto":
            log.warning(
                "mosquitto is not installed: using the in-process broker on loopback,"
                " without accounts"
            )
        yield broker.url
