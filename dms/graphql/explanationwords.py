"""Closed sets of what explanations say, as enums of the API."""

from __future__ import annotations

from dms.graphql import enums
from dms.rules.explanations import Defect
from dms.rules.remedies import RemedyKind

__all__ = ["Defect", "RemedyKind"]

enums.show(
    Defect,
    name="AccessLineDefect",
    description="What keeps a line that is near from saying anything.",
    values={
        Defect.NOT_YET: "Its period has not begun.",
        Defect.EXPIRED: "Its period is over.",
        Defect.OTHER_ACTION: "It is about another action, which does not bear on the one asked for.",
        Defect.LINK_NOT_YET: "A membership by which the account would come to it has not begun.",
        Defect.LINK_EXPIRED: "A membership by which the account came to it is over.",
        Defect.CONFLICTING_ROLES: "It is of a role that does not count beside another role of the account.",
    },
)

enums.show(
    RemedyKind,
    name="AccessRemedyKind",
    description="What somebody would do to turn a decision, or what turns it by itself at an instant.",
    values={
        RemedyKind.ENABLE_ACCOUNT: "Let the disabled account count again.",
        RemedyKind.RAISE_CLEARANCE: "Give the account a clearance that reaches this classification.",
        RemedyKind.CLEARANCE_BEGINS: "Wait: a clearance that reaches it begins then.",
        RemedyKind.END_LINES: "End these lines; one of a role, by withdrawing the role.",
        RemedyKind.LINE_ENDS: "Wait: this line ends by itself then.",
        RemedyKind.GRANT_ALLOW: "Write an entry that allows it, on the thing or above it.",
        RemedyKind.GRANT_DENY: "Write an entry that denies it, on the thing or above it.",
        RemedyKind.LINE_BEGINS: "Wait: this line begins then.",
        RemedyKind.RENEW_LINE: "Write this line, which is over, again for a period that holds.",
        RemedyKind.LINK_BEGINS: "Wait: the account comes to this line then, by these memberships.",
        RemedyKind.RENEW_LINKS: "Renew these memberships, which are over.",
        RemedyKind.WITHDRAW_ROLES: "Withdraw these roles, beside which the role of this line does not count.",
    },
)
