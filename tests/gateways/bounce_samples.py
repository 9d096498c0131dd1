"""Bounces and complaints in the shapes that mail servers give them, with invented names.

Written after RFC 3462, 3464, 5965 and the servers' documentation; ``TOKEN`` stands for the number.
"""

from __future__ import annotations

TOKEN = "k7qm4xpd92rth"  # noqa: S105 - a message number
TO = f"bounce+{TOKEN}@b.example.jp"


def report(parts: str, head: str, *, to: str = TO, kind: str = "delivery-status") -> bytes:
    text = f"""\
Return-Path: <>
Delivered-To: {to}
{head}
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

This is the mail system. I'm sorry to have to tell you.

{parts}
--b1--
"""
    return text.replace("\n", "\r\n").encode("utf-8")


POSTFIX = report(
    """\
--b1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.jp
X-Postfix-Queue-ID: 4F1aBc
Arrival-Date: Mon, 23 Nov 2026 12:00:00 +0900 (JST)

Final-Recipient: rfc822; hanako@example.com
Original-Recipient: rfc822;hanako@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <hanako@example.com>: Recipient address
    rejected: User unknown in virtual mailbox table

--b1
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: notice@example.jp
Message-ID: <k7qm4xpd92rth@example.jp>
""",
    "From: MAILER-DAEMON@mx.example.jp (Mail Delivery System)\nSubject: Undelivered Mail Returned",
)

# Only the returned message says which one it is: the report came to a plain address.
SENDMAIL = report(
    """\
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.org
Received-From-MTA: DNS; mx.example.jp

Final-Recipient: RFC822; taro@example.org
Action: FAILED
Status: 5.2.2
Diagnostic-Code: SMTP; 552 Mailbox full
Last-Attempt-Date: Mon, 23 Nov 2026 12:00:00 GMT

--b1
Content-Type: message/rfc822

Message-Id: <K7QM4XPD92RTH@example.jp>
Subject: =?utf-8?B?5Lu25ZCN?=

body
""",
    "From: Mail Delivery Subsystem <MAILER-DAEMON>\nSubject: Returned mail: see transcript",
    to="postmaster@b.example.jp",
)

DELAYED = report(
    """\
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns;relay.example.net

Action: delayed
Final-Recipient: rfc822;jiro@example.net
Status: 4.4.7
Will-Retry-Until: Fri, 27 Nov 2026 12:00:00 +0900
""",
    "From: postmaster@example.net\nSubject: Delivery Status Notification (Delay)",
)

DELIVERED = report(
    """\
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; hanako@example.com
Action: delivered
Status: 2.0.0
""",
    "From: MAILER-DAEMON@mx.example.com\nSubject: Successful Mail Delivery Report",
)

# Temporary trouble for good: the server gave up after days of 4.x.x.
GAVE_UP = report(
    """\
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.jp

Final-Recipient: rfc822; hanako@example.com
Action: failed
Status: 4.4.1
Diagnostic-Code: X-Exim; connection timed out
""",
    "From: Mail Delivery System <Mailer-Daemon@mx.example.jp>\nSubject: Mail delivery failed",
)

# qmail writes prose (the QSBMF form), without MIME.
QMAIL = f"""\
Return-Path: <>
Delivered-To: {TO}
From: MAILER-DAEMON@mail.example.org
To: {TO}
Subject: failure notice

Hi. This is the qmail-send program at mail.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.

<hanako@example.org>:
192.0.2.7 does not like recipient.
Remote host said: 550 5.1.1 no mailbox here by that name
Giving up on 192.0.2.7.

--- Below this line is a copy of the message.

Message-ID: <k7qm4xpd92rth@example.jp>
""".encode()

JAPANESE = (
    f"""\
Return-Path: <>
Delivered-To: {TO}
From: MAILER-DAEMON@example.ne.jp
Subject: =?iso-2022-jp?B?GyRCRyk/LkVULyEhGyhC?= Returned mail
Content-Type: text/plain; charset=iso-2022-jp

""".encode()
    + "宛先不明のため送信できませんでした。\n550 5.1.1 unknown\n".encode("iso-2022-jp")
)

COMPLAINT = report(
    """\
--b1
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounce+k7qm4xpd92rth@b.example.jp>
Arrival-Date: Mon, 23 Nov 2026 12:00:00 +0900
Source-IP: 192.0.2.1

--b1
Content-Type: message/rfc822

From: <notice@example.jp>
To: <redacted@example.com>
Message-ID: <k7qm4xpd92rth@example.jp>

body
""",
    "From: <abusedesk@example.com>\nSubject: FW: notice",
    to="fbl@b.example.jp",
    kind="feedback-report",
)

NOT_SPAM = COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")

VACATION = f"""\
Return-Path: <>
Delivered-To: {TO}
From: hanako@example.com
Subject: Auto: failure notice of my holiday plans
Auto-Submitted: auto-replied

I am away. 550 5.1.1 is my room.
""".encode()

FOREIGN = POSTFIX.replace(b"b.example.jp", b"b.example.com").replace(
    b"@example.jp>", b"@example.com>"
)
SPAM = b"From: x@example.com\r\nTo: postmaster@b.example.jp\r\nSubject: buy\r\n\r\nnow\r\n"

ALL = (
    POSTFIX, SENDMAIL, DELAYED, DELIVERED, GAVE_UP, QMAIL, JAPANESE, COMPLAINT, NOT_SPAM, VACATION,
    FOREIGN, SPAM,
)  # fmt: skip
