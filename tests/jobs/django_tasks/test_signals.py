"""The framework's three signals: when they are sent, what of, and what a receiver can do wrong."""

import sys

import pytest
from django.db import transaction

from jobs import control
from jobs.django_tasks.framework import task_enqueued, task_finished, task_started
from jobs.models import Job
from jobs.testing import drain
from tests.jobs.django_tasks import tasks

pytestmark = pytest.mark.django_db


def names(heard):
    return [(name, status) for name, status, _ in heard]


@pytest.mark.parametrize("task", [tasks.noop_task, tasks.noop_task_async])
def test_each_is_sent_once(task, heard):
    task.enqueue()
    assert heard == [("enqueued", "READY", "EkidenBackend")]
    drain()
    assert names(heard)[1:] == [("started", "RUNNING"), ("finished", "SUCCESSFUL")]
    assert {sender for *_, sender in heard} == {"EkidenBackend"}


def test_a_task_has_finished_when_it_is_not_tried_again(heard):
    tasks.fails_until.enqueue(3)
    drain()
    assert names(heard)[1:] == [("started", "RUNNING")]
    drain(scheduled=True)
    assert names(heard)[2:] == [("started", "RUNNING"), ("started", "RUNNING"), ("finished", "SUCCESSFUL")]


def test_failures_and_cancelled_tasks_have_finished_too(heard):
    tasks.hopeless.enqueue()
    drain()
    assert names(heard)[1:] == [("started", "RUNNING"), ("finished", "FAILED")]


def test_a_cancelled_task_never_started(heard):
    control.cancel(tasks.noop_task.enqueue().id, None)
    drain()
    assert names(heard) == [("enqueued", "READY")]


@pytest.mark.parametrize("task", [tasks.failing_task_value_error, tasks.failing_task_async])
def test_receivers_find_the_exception_where_djangos_own_look(task):
    found = []

    def look(task_result, **kwargs):
        found.append((task_result.status, sys.exc_info()[1]))

    task_finished.connect(look)
    try:
        task.enqueue()
        drain()
    finally:
        task_finished.disconnect(look)
    ((status, error),) = found
    assert status == "FAILED" and isinstance(error, ValueError)


def test_receivers_see_in_the_database_what_they_are_told():
    seen = []

    def refresh(task_result, **kwargs):
        task_result.refresh()
        seen.append((task_result.status, task_result.return_value))

    task_finished.connect(refresh)
    try:
        tasks.calculate_meaning_of_life.enqueue()
        drain()
    finally:
        task_finished.disconnect(refresh)
    assert seen == [("SUCCESSFUL", 42)]


def test_receivers_in_a_worker_cannot_make_a_task_fail():
    def fail(**kwargs):
        raise ZeroDivisionError

    for signal in (task_started, task_finished):
        signal.connect(fail)
    try:
        result = tasks.calculate_meaning_of_life.enqueue()
        drain()
    finally:
        for signal in (task_started, task_finished):
            signal.disconnect(fail)
    result.refresh()
    assert result.return_value == 42


def test_async_receivers():
    heard = []

    async def hear(task_result, **kwargs):
        heard.append(task_result.status.value)

    for signal in (task_enqueued, task_started, task_finished):
        signal.connect(hear)
    try:
        tasks.noop_task.enqueue()
        drain()
        tasks.noop_task_async.enqueue()
        drain()
    finally:
        for signal in (task_enqueued, task_started, task_finished):
            signal.disconnect(hear)
    assert heard == ["READY", "RUNNING", "SUCCESSFUL"] * 2


def test_what_is_rolled_back_was_never_there(heard):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        tasks.noop_task.enqueue()
        raise ZeroDivisionError
    assert not Job.objects.exists() and drain() == []


def test_a_receiver_of_enqueued_can_refuse():
    def refuse(**kwargs):
        raise ZeroDivisionError

    task_enqueued.connect(refuse)
    try:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            tasks.noop_task.enqueue()
    finally:
        task_enqueued.disconnect(refuse)
    assert not Job.objects.exists()
