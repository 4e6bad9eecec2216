"""What a PATCH may say of a dead letter or of its group, and doing it: all of it, or nothing."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from rest_framework import serializers

from accounts.api.fields import Moment, Text, YesNo
from accounts.api.strict import StrictSerializer
from accounts.models import User
from jobs import dead_letter_groups, dead_letters, triage
from jobs.api.reasons import REASON_MAX_LENGTH
from jobs.exceptions import InvalidOption
from jobs.models import DeadLetter, DeadLetterGroup
from jobs.options import TEXT_MAX_LENGTH

NOTES_MAX_LENGTH: Final = dead_letter_groups.NOTE_MAX_LENGTH
LETTER_STATUSES: Final = ["open", "triaged"]
GROUP_STATUSES: Final = ["open", "triaged", "resolved"]


class ChangesSerializer(StrictSerializer):
    assignee = Text(
        required=False,
        allow_null=True,
        min_length=1,
        max_length=TEXT_MAX_LENGTH,
        help_text="The user_id of an operator, admin or viewer who looks after it; null is nobody.",
    )
    ticket = Text(
        required=False,
        allow_blank=True,
        max_length=triage.TICKET_MAX_LENGTH,
        help_text="Where else people talk of it: an address, or a name.",
    )
    reason = Text(required=False, default="", allow_blank=True, max_length=REASON_MAX_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() - {"reason"}:
            raise serializers.ValidationError("Give something to change.", "empty")
        return attrs


class LetterChangesSerializer(ChangesSerializer):
    """What is left out stays as it is."""

    schema_rules: ClassVar = {
        "anyOf": [{"required": [name]} for name in ("status", "ignored_until", "assignee", "ticket", "notes")],
        "not": {"required": ["status", "ignored_until"]},
    }

    status = serializers.ChoiceField(
        choices=LETTER_STATUSES, required=False, help_text="Of a letter that is open, triaged or ignored."
    )
    ignored_until = Moment(
        required=False, help_text="Takes it from the desk; then it is open again. In the future, within a year."
    )
    notes = Text(required=False, allow_blank=True, max_length=NOTES_MAX_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.keys() >= {"status", "ignored_until"}:
            raise serializers.ValidationError("Give either status or ignored_until.", "status-or-ignored")
        return super().validate(attrs)


class GroupChangesSerializer(ChangesSerializer):
    """What is left out stays as it is."""

    schema_rules: ClassVar = {
        "anyOf": [
            {"required": [name]}
            for name in ("status", "muted_until", "until_version_changes", "assignee", "ticket", "note")
        ],
        "not": {"anyOf": [{"required": ["status", "muted_until"]}, {"required": ["status", "until_version_changes"]}]},
    }

    status = serializers.ChoiceField(
        choices=GROUP_STATUSES,
        required=False,
        help_text="`resolved` only when no letter of it is open; a new one opens it again.",
    )
    muted_until = Moment(
        required=False, help_text="Takes it from the desk; then it is open again. In the future, within a year."
    )
    until_version_changes = YesNo(
        required=False,
        help_text="Takes it from the desk until a job dies of it under another version than those known now.",
    )
    note = Text(required=False, allow_blank=True, max_length=NOTES_MAX_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "status" in attrs and attrs.keys() & {"muted_until", "until_version_changes"}:
            raise serializers.ValidationError("Give either status or how long it is muted.", "status-or-muted")
        return super().validate(attrs)


@transaction.atomic
def change_letter(letter_id: UUID, actor: Any, reason: str = "", **changes: Any) -> DeadLetter:
    if "assignee" in changes:
        triage.assign(letter_id, actor, _staff(changes["assignee"]), reason)
    if "ticket" in changes:
        triage.link(letter_id, actor, changes["ticket"], reason)
    if "notes" in changes:
        dead_letters.annotate(letter_id, actor, changes["notes"])
    if "ignored_until" in changes:
        triage.ignore(letter_id, actor, changes["ignored_until"], reason)
    if "status" in changes:
        act = {"open": triage.reopen, "triaged": triage.triage}[changes["status"]]
        act(letter_id, actor, reason)
    return DeadLetter.objects.only("id").get(pk=letter_id)


@transaction.atomic
def change_group(fingerprint: str, actor: Any, reason: str = "", **changes: Any) -> DeadLetterGroup:
    if "assignee" in changes:
        dead_letter_groups.assign(fingerprint, actor, _staff(changes["assignee"]), reason)
    if "ticket" in changes:
        dead_letter_groups.link(fingerprint, actor, changes["ticket"], reason)
    if "note" in changes:
        dead_letter_groups.annotate(fingerprint, actor, changes["note"], reason)
    if changes.keys() & {"muted_until", "until_version_changes"}:
        until, by_version = changes.get("muted_until"), changes.get("until_version_changes", False)
        dead_letter_groups.mute(fingerprint, actor, until, by_version, reason)
    if "status" in changes:
        acts = {
            "open": dead_letter_groups.reopen,
            "triaged": dead_letter_groups.triage,
            "resolved": dead_letter_groups.resolve,
        }
        acts[changes["status"]](fingerprint, actor, reason)
    return DeadLetterGroup.objects.select_related("assignee").get(pk=fingerprint)


def _staff(user_id: str | None) -> User | None:
    if user_id is None:
        return None
    found = User.objects.filter(user_id=user_id).first()
    if found is None:
        raise InvalidOption("assignee", "must be the user_id of somebody who may open the console.")
    return found
