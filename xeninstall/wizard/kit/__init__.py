"""What steps are made of. CONTRACT, for whoever writes a step:

A step is one file in `xeninstall/wizard/steps/` with one class `class Network(Step)`, one line in
`xeninstall/wizard/install.py`, one test of the same name in tests/wizard/steps/, and its texts in a catalog
`xeninstall/locale/de/TOPIC.po` (all of them are read). Steps do not import each other. `steps/host.py` is the smallest
complete example, tests/wizard/steps/test_host.py its test.

- `NAME = "network"`: its name in the flow. `OWNS = ("network",)`: the answer keys (dotted) that are its own; problems at or
  below these keys are shown on this step, keep Next from working, and make `--answers` stop here.
- `heading()`, `explanation()` (F1), `summary(session)` (one line of the review): classmethods, texts through `_()`, looked up
  when called and never at import, since the language can change. `said(text)` translates a sentence of the floors below,
  `plain(text)` makes text from outside fit for console fonts (lists do that by themselves).
- `body()`: a generator of widgets like Textual's `compose`, values read from `self.session.draft.get("network.vlan")`.
  The screen is built anew at each visit: keep everything in the draft (or, when it is no answer, in `session.notes`).
- Widgets: `Field` (label and line; `parse=whole_number` or `words` for numbers and lists), `Choice` (one of), `Picks` (any of),
  `Check` (yes or no), `Rows` (pick one, do something), `Act` (button), textual's `Static(text, markup=False)` for text; `Sheet`
  for a form in a box, for what few people change. Given `key="network.vlan"` they write into the draft by themselves at
  every change; without a key override `changed(event)`. A draft value None means: key left out. Wrong values are kept as typed
  and refused by the answers' own models and rules.
- Dependents: override `after_change(key)`, set `widget.display`; remove answers that no longer apply (`draft.set(key, None)`),
  since the rules refuse a gateway without an address.
- What only the machine can tell: override `problems(session)` (a classmethod; call super; return `Problem(key, "what; remedy")`).
- Work of more than 0.05 s: `@work(thread=True, exclusive=True, group=…, exit_on_error=False)`; a worker never touches a widget,
  it posts a dataclass Message of yours to the step (`self.post_message`), whose handler changes the screen. `self.say(text)` for
  news. Commands only through `self.session.runner`. In a rehearsal (`session.rehearsal`) nothing is probed or started.
- Work before going on: override `on_next()` and call `self.finish()` when it is done.
- Keys: F10/^N next, Esc/^P back, F1/^G help, ^C leave, Tab and arrows move, Enter/Space picks. Own keys: a ctrl twin for every
  F-key, not ^A ^B ^D ^E ^F ^H ^I ^J ^K ^M ^Q ^S ^U ^V ^W ^X ^Z (taken by tmux, lines, or the terminal); list them in `keys()`.
- 80x24: the body has 18 lines of 78 cells. Glyphs: ASCII and umlauts; tests/data/console-glyphs.txt lists what the fonts have.
  No state by colour alone, no placeholder texts (without dim they read like something that was entered).
- Nothing may move by itself: no timers below 0.5 s, no indeterminate bars, no blinking.
- Passwords: hash in a worker, write only the hash into the draft, never keep the text in session, notes or logged messages.

Tests: `async with driven(session(), YourStep) as (pilot, step)` from tests/wizard/driving.py; `golden(pilot, "name")` compares
the screen with tests/data/screens/name.txt (renew: `RENEW_GOLDEN=1 pytest tests/wizard`, and look at what changed).
"""

from xeninstall.wizard.draft import Draft, Problem

from .act import Act
from .changed import Changed
from .dialogs import Ask, AskWord, Say
from .field import Field, Line, text_or_none, whole_number, words
from .language import _, add_catalogs, counted, said
from .plain import plain
from .rows import Check, Choice, Picks, Row, Rows, pick_by_digit
from .searching import only_hit, unsettled
from .session import Session, Target
from .sheet import Sheet
from .step import Body, Step

__all__ = [
    "Act",
    "Ask",
    "AskWord",
    "Body",
    "Changed",
    "Check",
    "Choice",
    "Draft",
    "Field",
    "Line",
    "Picks",
    "Problem",
    "Row",
    "Rows",
    "Say",
    "Session",
    "Sheet",
    "Step",
    "Target",
    "_",
    "add_catalogs",
    "counted",
    "only_hit",
    "pick_by_digit",
    "plain",
    "said",
    "text_or_none",
    "unsettled",
    "whole_number",
    "words",
]
