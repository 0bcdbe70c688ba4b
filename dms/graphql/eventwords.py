"""The words of the access log as enums of the API."""

from __future__ import annotations

from enum import StrEnum

from dms.base.actor import ActorKind
from dms.graphql import enums
from dms.rules.accessevents import Disclosure, Op, Outcome
from dms.rules.eventselections import BULK_OBJECTS
from dms.rules.eventselections import Selection as AccessEventSelection

__all__ = ["AccessEventOrderField", "AccessEventSelection", "ActorKind", "Disclosure", "Op", "Outcome"]


class AccessEventOrderField(StrEnum):
    """By what a list of events is sorted."""

    AT = "at"


enums.show(
    AccessEventOrderField,
    description="By what access events are sorted.",
    values={AccessEventOrderField.AT: "When it happened."},
)

enums.show(
    AccessEventSelection,
    name="AccessEventSelection",
    description="What auditors ask for again and again.",
    values={
        AccessEventSelection.REFUSALS: "Operations in which something was refused, even beside what was "
        "shown.",
        AccessEventSelection.ADMINISTRATION: "What offices change: accounts, groups, roles, clearances, "
        "levels, access entries, policy files; tries that were refused too.",
        AccessEventSelection.LOG_ACCESS: "Reading, proving, exporting and keeping the access log itself.",
        AccessEventSelection.BULK_READING: f"Answers that showed {BULK_OBJECTS} objects or more at once; "
        "choose another number by `minObjects`.",
    },
)

enums.show(
    ActorKind,
    description="What kind of account acted.",
    values={
        ActorKind.USER: "A person.",
        ActorKind.SERVICE: "A program with an account of its own.",
        ActorKind.SYSTEM: "The server itself, or a command that acts for nobody in particular.",
        ActorKind.ANONYMOUS: "Somebody who had not logged in, such as in a log-in that was refused.",
    },
)

enums.show(
    Outcome,
    name="AccessEventOutcome",
    description="How an operation ended.",
    values={
        Outcome.RELEASED: "It gave an answer and changed nothing.",
        Outcome.REFUSED: "It gave nothing of what was asked for.",
        Outcome.COMMITTED: "It changed something.",
        Outcome.FAILED: "It ended in an error and was undone.",
        Outcome.OVER_CLAIMED: "It says of other events, which it names as refused, that their answer never "
        "left the server.",
    },
)

enums.show(
    Disclosure,
    description="How much of an object an answer held; the widest counts.",
    values={
        Disclosure.EXISTENCE: "That it exists: reference code, place in the tree, marking.",
        Disclosure.METADATA: "Its description.",
        Disclosure.RESTRICTED: "Fields that are marked as restricted.",
        Disclosure.CONTENT: "Its bytes.",
    },
)

enums.show(
    Op,
    name="AccessEventOp",
    description="What an operation does.",
    values={
        Op.ACCESS_CHECK: "Ask what would be decided.",
        Op.ACCESS_COULD: "Ask who could have done something, and when.",
        Op.ACCESS_EXPLAIN: "Ask why a decision falls as it does.",
        Op.ACCESS_GRANT: "Write an access entry.",
        Op.ACCESS_NODE_MERGE: "Let a node that no entry names be an ordinary one again.",
        Op.ACCESS_NODE_PREPARE: "Prepare a node for its first access entry.",
        Op.ACCESS_NODE_READ: "Ask whether a node is ready for access entries.",
        Op.ACCESS_READ: "List access entries.",
        Op.ACCESS_REVOKE: "End an access entry.",
        Op.ACCESSCHANGE_APPROVE: "Carry out proposed changes of who may what, as the second person.",
        Op.ACCESSCHANGE_EDIT: "Change what is proposed.",
        Op.ACCESSCHANGE_LIST: "List proposed changes of who may what.",
        Op.ACCESSCHANGE_PREVIEW: "Ask what changes of who may what would do.",
        Op.ACCESSCHANGE_PROPOSE: "Propose changes of who may what to a second person.",
        Op.ACCESSCHANGE_REJECT: "Turn proposed changes of who may what down.",
        Op.ACCESSFINDING_LIST: "Ask what of the access lists nobody needs.",
        Op.ACCESS_WHAT: "Ask what somebody can see.",
        Op.ACCESS_WHO: "Ask who can see a thing.",
        Op.ACCESSLIST_EXPORT: "Take access entries out as a file.",
        Op.ACCESSLIST_IMPORT: "Grant and revoke access entries by a file.",
        Op.ACCESSREVIEW_ATTEST: "Decide lines of an access review.",
        Op.ACCESSREVIEW_CLOSE: "Close an access review.",
        Op.ACCESSREVIEW_LIST: "List access reviews.",
        Op.ACCESSREVIEW_START: "Begin an access review.",
        Op.AGGREGATION_CLOSE: "Close an Aggregation.",
        Op.AGGREGATION_CREATE: "Make an Aggregation.",
        Op.AGGREGATION_LIST: "List Aggregations.",
        Op.AGGREGATION_READ: "Read one Aggregation.",
        Op.AGGREGATION_REARRANGE: "Put an Aggregation under another parent.",
        Op.AGGREGATION_REOPEN: "Open a closed Aggregation again.",
        Op.AGGREGATION_UPDATE: "Change the description of an Aggregation.",
        Op.CLEARANCE_GRANT: "Clear a person for a level and compartments.",
        Op.CLEARANCE_LIST: "List clearances.",
        Op.CLEARANCE_REVOKE: "End a clearance.",
        Op.CODE_USED: "Choose a password with a one-time code.",
        Op.COMPARTMENT_CREATE: "Make a compartment.",
        Op.COMPARTMENT_LIST: "List compartments.",
        Op.COMPARTMENT_RETIRE: "Retire a compartment.",
        Op.CONTENT_CHECK: "Check that stored content is unchanged.",
        Op.CONTENT_DOWNLOAD: "Fetch the bytes of a Version.",
        Op.CONTENT_READ: "Read the content of a Version to make Renditions of it.",
        Op.CONTENT_SWEEP: "Remove stored bytes that nothing names.",
        Op.DOCUMENT_CLASS_ASSIGN: "Class Documents.",
        Op.DOCUMENT_DECLARE: "Declare a Document a record.",
        Op.DOCUMENT_LIST: "List Documents.",
        Op.DOCUMENT_READ: "Read one Document.",
        Op.DOCUMENT_REFILE: "Put a Document into another Aggregation.",
        Op.DOCUMENT_REGISTER: "Register a Document.",
        Op.DOCUMENT_UPDATE: "Change the description of a Document.",
        Op.GRAPHQL_INVALID: "Send a request that could not be executed.",
        Op.GROUP_CREATE: "Make a group.",
        Op.GROUP_LIST: "List groups.",
        Op.GROUP_MEMBER_ADD: "Put an account or group into a group.",
        Op.GROUP_MEMBER_REMOVE: "Take an account or group out of a group.",
        Op.IMPORT_FILE: "File what an import found.",
        Op.IMPORT_FINISH: "End an import.",
        Op.IMPORT_START: "Begin an import.",
        Op.IMPORTRUN_LIST: "List imports.",
        Op.INVENTORY_EXPORT: "Take an inventory out as a file.",
        Op.INVENTORY_READ: "Read an inventory.",
        Op.JOB_CANCEL: "Cancel a job.",
        Op.JOB_LIST: "List jobs.",
        Op.JOB_READ: "Read one job.",
        Op.JOB_RETRY: "Queue a job again that was given up.",
        Op.KEYS_DESTROY: "Destroy a key that wrapped keys of content, or ask what that means.",
        Op.KEYS_LIST: "List the keys that wrap keys of content.",
        Op.KEYS_REWRAP: "Wrap keys of content under the new key.",
        Op.KEYS_ROTATE: "A new key began to seal the cursors of lists, or to wrap keys of content.",
        Op.LOG_ADOPT: "The access log went on after it was restored into another cluster.",
        Op.LOG_EXPORT: "Take events of the access log out as a file.",
        Op.LOG_EXPORT_CANCEL: "Cancel an export of the access log.",
        Op.LOG_EXPORT_FETCH: "Fetch a finished export of the access log.",
        Op.LOG_EXPORT_LIST: "List exports of the access log.",
        Op.LOG_HALT: "The disk had no room for events: nothing was answered from then on.",
        Op.LOG_INIT: "The access log began, under its first key.",
        Op.LOG_KEY_ADD: "A new key began to sign the access log.",
        Op.LOG_KEY_RETIRE: "A key of the access log signs no more.",
        Op.LOG_PROVE: "Take out the proof of an event.",
        Op.LOG_HOLD_LIFT: "Lift a hold on events of the access log.",
        Op.LOG_HOLD_PLACE: "Place a hold on events of the access log.",
        Op.LOG_PRUNE: "Remove old events of the access log, as two people decided.",
        Op.LOG_PRUNE_APPROVE: "Approve that old events of the access log are removed.",
        Op.LOG_PRUNE_PROPOSE: "Propose that old events of the access log are removed.",
        Op.LOG_PRUNE_REJECT: "Refuse that old events of the access log are removed.",
        Op.LOG_READ: "Read the access log.",
        Op.LOG_REBUILD: "Make the tables that answer who saw what anew from the access log.",
        Op.LOG_REDACT: "Remove the detail of an event of the access log.",
        Op.LOG_RESTART: "The access log was begun anew, in a new shard under a new key.",
        Op.LOG_RESUME: "The disk had room for events again.",
        Op.LOG_RETENTION_LIST: "List holds on the access log and its prunings.",
        Op.LOG_RULE_SET: "Set how long events of the access log are kept.",
        Op.LOG_VERIFY: "Verify the access log.",
        Op.LOGALERT_CREATE: "Save a rule that raises alerts about the access log.",
        Op.LOGALERT_HIT: "A rule raised an alert about the access log.",
        Op.LOGALERT_HIT_LIST: "List alerts about the access log.",
        Op.LOGALERT_LIST: "List the rules that raise alerts about the access log.",
        Op.LOGALERT_REMOVE: "Remove a rule that raises alerts about the access log.",
        Op.LOGALERT_REVIEW: "Review an alert about the access log.",
        Op.LOGALERT_UPDATE: "Change a rule that raises alerts about the access log.",
        Op.NODE_READ: "Read things by their ids.",
        Op.POLICY_APPLY: "Put policy files in force.",
        Op.POLICY_EXPORT: "Take the lines of the policy out as a file.",
        Op.POLICY_READ: "Read the history of what anybody might do.",
        Op.POLICY_VALIDATE: "Look for what is wrong with the lines of the policy.",
        Op.POLICY_VERIFY: "Hold lists and decisions against Casbin over all lines.",
        Op.RECORDCLASS_CREATE: "Make a class.",
        Op.RENDITION_MAKE: "Keep what was read out of a content.",
        Op.ROLE_ASSIGN: "Give a role.",
        Op.ROLE_LIST: "List roles.",
        Op.ROLE_WITHDRAW: "Take a role away.",
        Op.SAVEDQUERY_LIST: "List the searches that one saved.",
        Op.SAVEDQUERY_REMOVE: "Remove a saved search.",
        Op.SAVEDQUERY_SAVE: "Save a search.",
        Op.SCHEME_LIST: "List the classification scheme and its classes.",
        Op.SEARCH_ERASE: "Erase words that the index of search was told to forget.",
        Op.SEARCH_INDEX: "Index a text.",
        Op.SEARCH_REBUILD: "Make the index of search anew.",
        Op.SEARCH_RUN: "Search.",
        Op.SECURITY_APPROVE: "Approve a proposed lowering of a security classification.",
        Op.SECURITY_LIST: "List changes of security classifications.",
        Op.SECURITY_REJECT: "Reject a proposed lowering of a security classification.",
        Op.SECURITY_SET: "Set a security classification, or propose to lower it.",
        Op.SECURITYLEVEL_CREATE: "Make a security level.",
        Op.SECURITYLEVEL_LIST: "List security levels.",
        Op.SECURITYLEVEL_UPDATE: "Reword a security level.",
        Op.SERVER_READ: "Ask the server about itself, or for nothing that is protected.",
        Op.SESSION_END: "Log out, or end a session.",
        Op.SESSION_LIST: "List sessions.",
        Op.SESSION_REFUSED: "Try to log in, and be refused.",
        Op.SESSION_START: "Log in.",
        Op.SYSTEM_CHECK: "Check the installation.",
        Op.SYSTEM_MIGRATE: "Make the installation, or bring it up to date.",
        Op.SYSTEM_START: "Start a server.",
        Op.SYSTEM_STOP: "Stop a server.",
        Op.UPLOAD_APPEND: "Send a part of an upload.",
        Op.UPLOAD_CANCEL: "Give an upload up.",
        Op.UPLOAD_EXPIRE: "Remove uploads that nobody filed in time.",
        Op.UPLOAD_FINISH: "Finish an upload.",
        Op.UPLOAD_READ: "Ask how much of an upload has come.",
        Op.UPLOAD_START: "Begin an upload.",
        Op.USER_CREATE: "Make an account.",
        Op.USER_DISABLE: "Disable an account.",
        Op.USER_ENABLE: "Enable an account again.",
        Op.USER_LIST: "List accounts.",
        Op.USER_READ: "Read one account.",
        Op.USER_RESET_START: "Make a one-time code for an account.",
        Op.USER_UPDATE: "Change an account.",
        Op.VERSION_ADD: "Add a Version to a Document.",
        Op.VERSION_LIST: "List the Versions of a Document.",
        Op.VERSION_READ: "Read one Version.",
        Op.VIEWER_READ: "Ask about one's own account.",
    },
)
