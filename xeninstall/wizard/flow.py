"""What the menu offers: flows, each a list of steps in order. Others register theirs as entry points `xeninstall.flows`."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

from .kit import Session, Step, _

GROUP = "xeninstall.flows"


@dataclass(frozen=True)
class Flow:
    """One thing that can be done with this machine. Texts are functions, since the language can change."""

    name: str
    title: Callable[[], str]
    about: Callable[[], str]
    steps: tuple[type[Step], ...]
    review: type[Step] | None = None  # where a run goes when nothing is left to ask
    subject: Callable[[], str] = lambda: _("Xen host")  # what every screen of it begins with: what comes of it

    def applying(self, session: Session) -> list[type[Step]]:
        """The steps that this run asks for."""
        return [step for step in self.steps if step.applies(session)]

    def after(self, step: type[Step], session: Session) -> type[Step] | None:
        """The step after this one. Once the review was reached, only what is unsettled is asked; None at the end."""
        steps = self.applying(session)
        rest = steps[steps.index(step) + 1 :]
        if self.review is None or self.review not in rest or not session.reviewed:
            return rest[0] if rest else None
        asked = steps[: steps.index(self.review)]
        unsettled = [one for one in asked if one is not step and one.problems(session)]
        return unsettled[0] if unsettled else self.review

    def before(self, step: type[Step], session: Session) -> type[Step] | None:
        """The step before this one; None at the beginning."""
        steps = self.applying(session)
        place = steps.index(step)
        return steps[place - 1] if place else None

    def first(self, session: Session) -> type[Step]:
        """Where to begin: at the first step, or with given answers at what they leave open, else at the review."""
        steps = self.applying(session)
        if self.review is None or not session.reviewed:
            return steps[0]
        return next((one for one in steps[: steps.index(self.review)] if one.problems(session)), self.review)


def registered() -> list[Flow]:
    """The flows of other packages, by name."""
    found = [point.load() for point in entry_points(group=GROUP)]
    return sorted((flow for flow in found if isinstance(flow, Flow)), key=lambda flow: flow.name)
