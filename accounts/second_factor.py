"""Codes of a device that people carry with them (TOTP), asked for at login beside the password."""

from __future__ import annotations

import secrets
from base64 import b32encode
from typing import Any, Final

import segno
from django.conf import settings
from django.db import transaction
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import keys
from accounts.auditing import audit

RECOVERY_CODES: Final = 10
#: Without letters and digits that are taken for each other.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_NAME: Final = "Ekiden"


def device_of(user: Any) -> TOTPDevice | None:
    """Give the device whose codes this user is asked for at login."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def is_missing(user: Any) -> bool:
    """Tell whether this user needs a device and has none: they may only set one up."""
    return bool(settings.CONSOLE_REQUIRE_TWO_STEP) and device_of(user) is None


def begin(user: Any) -> TOTPDevice:
    """Give the device that the user is about to set up; it counts once a code of it was seen."""
    device, _made = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": _NAME})
    return device


@transaction.atomic
def confirm(user: Any, code: str) -> list[str] | None:
    """Take the new device instead of any other if this is a code of it; gives the recovery codes, else None."""
    device = begin(user)
    if not device.verify_token(_plain(code)):
        return None
    TOTPDevice.objects.filter(user=user).exclude(pk=device.pk).delete()
    device.confirmed = True
    device.save()
    audit(user, "set up two-step login", user)
    return _new_codes(user)


@transaction.atomic
def renew_codes(user: Any) -> list[str]:
    """Give new recovery codes; those before end."""
    audit(user, "renew recovery codes", user)
    return _new_codes(user)


@transaction.atomic
def remove(user: Any, actor: Any, reason: str = "") -> None:
    """Forget the user's device and recovery codes: a password alone lets them in again."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    audit(actor, "remove two-step login", user, reason)


def verify(user: Any, code: str) -> bool:
    """Tell whether this is a code of the user's device now, or one of their recovery codes; no code counts twice."""
    plain = _plain(code)
    if plain.isdecimal():
        device = device_of(user)
        return device is not None and device.verify_token(plain)
    recovery = StaticDevice.objects.filter(user=user, confirmed=True).first()
    if recovery is None or not recovery.verify_token(_digest(plain)):
        return False
    audit(user, "use recovery code", user, left=codes_left(user))
    return True


def codes_left(user: Any) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


def picture(device: TOTPDevice) -> str:
    """Draw what the user's app reads the device from, as SVG without a style of its own."""
    drawn: str = segno.make(address(device), error="m").svg_inline(
        svgclass="qr", lineclass="of-qr", omitsize=True, border=4, light="#fff", dark="#000"
    )
    return drawn


def address(device: TOTPDevice) -> str:
    """Give the device as apps know it."""
    found: str = device.config_url
    return found


def spelled(device: TOTPDevice) -> str:
    """Give its key for people who type it, in groups of four."""
    key = b32encode(device.bin_key).decode()
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


def _new_codes(user: Any) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name=_NAME, confirmed=True)
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(code)) for code in codes)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _digest(code: str) -> str:
    # As with keys, the database alone is not to be enough.
    return keys.digest(f"recovery code {code}")[:16]


def _plain(code: str) -> str:
    return "".join(code.lower().replace("-", "").split())
