"""What a message becomes: a task, an answer, a sentence; and what is no word to Deputy."""

from deputy.domain.events import EventName
from deputy.domain.tasks.request import Source
from deputy.domain.tasks.status import TaskStatus
from tests.support.deputy_under_test import ALICE, NOTE, RATE, SAM, DeputyUnderTest


def test_what_is_missing_is_asked_once_and_a_click_answers_it(deputy: DeputyUnderTest) -> None:
    thread = deputy.say("can you just write a note about birds")
    deputy.run()
    assert deputy.card(thread).status == "One question first"
    assert deputy.click(SAM, "acme/tiny", thread) == "Only the person who asked can answer this."
    assert deputy.click(ALICE, "acme/tiny", thread) == ""
    assert deputy.task(thread).status is TaskStatus.DELIVERED


def test_an_answer_in_words_goes_on_too(deputy: DeputyUnderTest) -> None:
    thread = deputy.say("can you just write a note about birds")
    deputy.run()
    deputy.say("tiny", thread=thread, source=Source.THREAD)
    deputy.run()
    assert deputy.task(thread).status is TaskStatus.DELIVERED
    assert EventName.QUESTION_ANSWERED in deputy.names(thread)


def test_a_question_that_nobody_answers_expires(deputy: DeputyUnderTest) -> None:
    thread = deputy.say("can you just write a note about birds")
    deputy.run()
    deputy.later(days=30)
    assert deputy.task(thread).status is TaskStatus.EXPIRED
    assert "not answered in time" in " ".join(deputy.card(thread).notes)


def test_a_guest_gets_a_sentence_and_no_task(deputy: DeputyUnderTest) -> None:
    deputy.say(NOTE, "U0GUS")
    deputy.run()
    assert "full members of this workspace" in deputy.chat.said[0]
    assert deputy.events(name=EventName.REQUEST_RECEIVED) == []


def test_a_person_without_a_role_is_refused_by_policy(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(NOTE, "U0PAT")
    deputy.run()
    assert deputy.task(thread).status is TaskStatus.REFUSED


def test_talk_in_a_thread_of_ours_is_no_request(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(NOTE)
    deputy.run()
    before = (deputy.chat.said[:], deputy.events())
    deputy.say("nice work everybody", SAM, thread=thread, source=Source.THREAD)
    deputy.run()
    assert (deputy.chat.said, deputy.events()) == before


def test_the_same_message_delivered_twice_is_one_task(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(NOTE)
    deputy._number -= 1
    assert deputy.say(NOTE) == thread
    deputy.run()
    assert deputy.names(thread).count(EventName.REQUEST_RECEIVED) == 1


def test_cancel_in_the_thread_ends_what_waits(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(RATE)
    deputy.run()
    deputy.say("cancel", thread=thread, source=Source.THREAD)
    deputy.run()
    assert deputy.task(thread).status is TaskStatus.CANCELLED
    assert EventName.HOLD_VOIDED in deputy.names(thread)


def test_a_credential_in_a_request_is_masked_before_anything_is_kept(deputy: DeputyUnderTest) -> None:
    token = "xoxb" + "-123456789012-" + "a1B2c3D4" * 3
    thread = deputy.say(f"{NOTE}, the token is {token}")
    deputy.run()
    assert token not in deputy.task(thread).text
    assert all(token not in event.model_dump_json() for event in deputy.events())
