"""The installation while it is done."""

from pathlib import Path

from xeninstall.base.events import Emit
from xeninstall.wizard.kit import _
from xeninstall.wizard.working import Working


class Installing(Working):
    """Runs the plan that was agreed to."""

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Installing")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The installer works through the stages. ^L shows its log. ^C stops it in an orderly way; it can then be resumed.\n\n"
            "When something fails, the stage, the cause and what to do stay on this screen. 'Try again' goes on with the stage "
            "that failed; what was finished is not done twice."
        )

    def titles(self) -> dict[str, str]:
        """See Working."""
        plan = self.session.plan
        return {"check": _("Checks")} | ({stage.name: _(stage.title) for stage in plan.stages} if plan else {})

    def perform(self, emit: Emit) -> None:
        """See Working."""
        session = self.session
        assert session.work is not None and session.plan is not None
        session.work.perform(session.plan, session.draft.whole(), emit)

    def stop(self) -> None:
        """See Working."""
        if self.session.work is not None:
            self.session.work.stop()

    def log_file(self) -> Path | None:
        """See Working."""
        session = self.session
        return session.work.log_of(session.plan) if session.work and session.plan else None

    def gather_logs(self) -> Path:
        """See Working."""
        session = self.session
        assert session.work is not None and session.plan is not None
        return session.work.gather_logs(session.plan)

    def stop_question(self) -> tuple[str, str]:
        """See Working."""
        text = _("The target cannot be started until the installation was finished. It can be resumed later.")
        return _("Stop the installation?"), text
