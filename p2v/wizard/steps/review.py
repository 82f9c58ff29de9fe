"""Everything on one screen before the conversion begins: what leaves this machine, how long it takes, and every answer."""

import textwrap
from pathlib import Path

from p2v.preflight import Preflight
from p2v.wizard.looking import verdict
from xeninstall.answers.dump import dump
from xeninstall.apply.target import STATE
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.sizes import format_duration, format_size
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Row, Session, _
from xeninstall.wizard.reviewing import CELLS, Reviewing


class ConvertReview(Reviewing):
    """See Reviewing."""

    LABEL_CELLS = 30
    AUTO_FOCUS = "#next"

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "What was answered, a line a step: Enter on a line goes there, and Next comes back here. A line with ! is not "
            "settled yet.\n\n"
            "This machine's disks are only read, whatever happens. Nothing is written anywhere but at the target."
        )

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        return cls.unsettled(session) or session.draft.problems()[:1]

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Convert")

    def rows(self) -> list[Row]:
        """See Reviewing."""
        return [*(Row("", line) for line in self._leaving()), Row("", ""), *self.answered()]

    def _leaving(self) -> list[str]:
        result = verdict(self.session)
        lines = [_("This machine's disks are only read: they stay as they are, whatever happens.")]
        if isinstance(result, Preflight):
            size = format_size(result.read_bytes)
            target = self.session.draft.get("convert.target")
            lines.append(_("{size} leave this machine for {target}.").format(size=size, target=target))
            if result.seconds is not None and result.downtime_seconds is not None:
                text = _("That takes about {time}; this machine stands still for about {downtime}, and what repairs take.")
                downtime = format_duration(result.downtime_seconds)
                lines.append(text.format(time=format_duration(result.seconds), downtime=downtime))
        lines.append(_("Afterwards only one of the two may run: they have the same addresses."))
        return [piece for line in lines for piece in textwrap.wrap(line, CELLS)]

    def on_next(self) -> None:
        """Keep the answers, then begin."""
        if self.session.rehearsal:
            self.finish()
            return
        try:
            self.session.saved = _keep(dump(self.session.draft.whole()), STATE)
        except Error as error:
            self.say(f"{error.message}; {error.hint}", wrong=True)
            return
        self.finish()


def _keep(text: str, state: Path) -> Path:
    path = state / "convert.answers.toml"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
    except OSError as error:
        raise UsageError(f"the answer file {path} cannot be written: {error.strerror}", hint="make room there") from None
    return path
