"""What the meters of a recording say, once it was heard to its end: `facts`."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from callkit.audio.board import Board
from callkit.audio.energy import boundaries
from callkit.audio.health import health
from callkit.audio.leaks import leaks_between, without_leaks
from callkit.audio.levels import dbfs
from callkit.audio.loudness import loudness
from callkit.audio.music import Music, as_runs
from callkit.audio.options import Options
from callkit.audio.peaks import PEAKS_PER_SECOND, Peaks
from callkit.audio.reader import AudioFormat
from callkit.audio.silence import SilenceDetector
from callkit.audio.speech import FRAMES_PER_SECOND, Levels, Runs, covered, except_for, hushed, seconds, speech_runs
from callkit.audio.tones import tone_runs
from callkit.core.analysis import Analysis, Interval, Party, SilenceMark, gaps
from callkit.core.conversation import measure_conversation, normalised
from callkit.core.events import Event, masked
from callkit.core.health import CORRELATION, Health, Leak

__all__ = ["Measured", "facts"]


@frozen
class Measured:
    """All that one pass gives."""

    analysis: Analysis
    peaks: Peaks


@frozen
class _Heard:
    """What is on the channels: speech of each, signals, music, and what leaks from one into another."""

    speech: Sequence[Runs]
    events: tuple[Event, ...]
    hold: Runs
    leaks: Sequence[Leak]
    levels: Sequence[Levels]


def facts(board: Board, options: Options, warnings: Sequence[str], marks: SilenceDetector | None) -> Measured:
    """The analysis and the waveform of a recording.

    Args:
        board: finished.
        options: of the analysis.
        warnings: what was odd about the file.
        marks: finds pydub's silence marks, if these are wanted.
    """
    heard = _heard(board)
    speech = [
        normalised(seconds(runs.tolist(), board.duration), board.duration, options.rules) for runs in heard.speech
    ]
    condition = health(
        board.kind,
        board.moments,
        [channel.gaps for channel in board.channels],
        [channel.levels for channel in board.channels],
        runs=heard.speech,
        leaks=heard.leaks,
    )
    analysis = _analysis(board, options, heard, speech, condition, warnings=warnings, marks=marks)
    return Measured(analysis, _peaks(board))


def _heard(board: Board) -> _Heard:
    levels = [channel.levels.levels() for channel in board.channels]
    tones = [event for number, channel in enumerate(board.channels) for event in channel.tones.events(number)]
    music = [_music(board, number, levels[number], tones) for number in range(len(levels))]
    speech = [_speech(board, number, levels[number], tones, music[number]) for number in range(len(levels))]
    correlation = board.moments.correlation([channel.levels for channel in board.channels])
    same = correlation is not None and correlation > CORRELATION
    leaks = () if same else leaks_between(levels, speech)
    played = [
        Event("music", one.begin / FRAMES_PER_SECOND, one.end / FRAMES_PER_SECOND, number, "", round(one.confidence, 2))
        for number, own in enumerate(music)
        for one in own
    ]
    events = sorted([*tones, *played], key=lambda event: (event.start, event.channel, event.end))
    hold = covered([as_runs(own) for own in music], 1)
    return _Heard(without_leaks(levels, speech, leaks), tuple(events), hold, leaks, levels)


def _music(board: Board, number: int, levels: Levels, tones: Sequence[Event]) -> tuple[Music, ...]:
    meter = board.channels[number].music
    return meter.music(levels, tone_runs(tones, number)) if meter else ()


def _speech(board: Board, number: int, levels: Levels, tones: Sequence[Event], music: Sequence[Music]) -> Runs:
    played = as_runs(music)
    runs = except_for(speech_runs(hushed(levels, tone_runs(tones, number)), played), [played])
    opinion = board.channels[number].opinion
    return opinion.settled(runs) if opinion else runs


def _analysis(
    board: Board,
    options: Options,
    heard: _Heard,
    speech: Sequence[tuple[Interval, ...]],
    condition: Health,
    *,
    warnings: Sequence[str],
    marks: SilenceDetector | None,
) -> Analysis:
    kind, duration = board.kind, board.duration
    hold = seconds(heard.hold.tolist(), duration)
    separable = kind.channels > 1 and not condition.dual_mono
    talk = measure_conversation(speech, duration, hold=hold, rules=options.rules, separable=separable)
    pauses = gaps(_anybody(speech), duration)
    whole = loudness([one.loudness.powers() for one in board.channels], heard.levels)
    return Analysis(
        duration=duration,
        sample_rate=kind.sample_rate,
        channels=kind.channels,
        frames=board.frames,
        container=kind.container,
        codec=kind.codec,
        declared_duration=kind.declared_duration,
        truncated=_is_truncated(kind, duration),
        warnings=tuple(warnings),
        silence=_pydubs(marks) if marks else _marks(pauses, options.min_silence),
        silence_time=_length(pauses),
        parties=tuple(
            _party(board, heard, number, own).with_talk(talk.parties[number]) for number, own in enumerate(speech)
        ),
        overlap_time=talk.overlap_time,
        method=options.method,
        parameters=options.parameters,
        fingerprint=options.fingerprint,
        hold=hold,
        events=heard.events if options.show_keys else masked(heard.events),
        loudness=whole,
        health=condition,
        rules=options.rules,
        speech_method="vad_model" if options.detector else "channel_energy",
    )


def _party(board: Board, heard: _Heard, number: int, speech: tuple[Interval, ...]) -> Party:
    channel, frames = board.channels[number], board.frames
    return Party(
        channel=number,
        speech=speech,
        talk_time=_length(speech),
        rms_dbfs=dbfs(channel.levels.energy / frames if frames else 0.0),
        peak_dbfs=dbfs(float(channel.levels.peak) ** 2),
        clipping_percent=100 * channel.levels.clipped / frames if frames else 0.0,
        loudness=loudness([channel.loudness.powers()], [heard.levels[number]]),
    )


def _peaks(board: Board) -> Peaks:
    rows = np.stack([channel.levels.peaks() for channel in board.channels], axis=1)
    rate = board.kind.sample_rate
    return Peaks(rate, int(boundaries(rate, PEAKS_PER_SECOND)[1]), rows)


def _anybody(speech: Sequence[tuple[Interval, ...]]) -> tuple[Interval, ...]:
    """When at least one party speaks."""
    runs: list[list[float]] = []
    for start, end in sorted(interval for own in speech for interval in own):
        if runs and start <= runs[-1][1]:
            runs[-1][1] = max(runs[-1][1], end)
        else:
            runs.append([start, end])
    return tuple((start, end) for start, end in runs)


def _marks(pauses: tuple[Interval, ...], shortest: float) -> tuple[SilenceMark, ...]:
    return tuple(SilenceMark(start, end) for start, end in pauses if round(end - start, 6) >= shortest)


def _pydubs(marks: SilenceDetector) -> tuple[SilenceMark, ...]:
    return tuple(SilenceMark(start / 1000, end / 1000) for start, end in marks.finish())


def _length(intervals: tuple[Interval, ...]) -> float:
    return round(sum((end - start for start, end in intervals), 0.0), 6)


def _is_truncated(kind: AudioFormat, duration: float) -> bool:
    """A count was promised, and clearly less is there."""
    declared = kind.declared_duration
    return kind.declared_kind == "count" and declared is not None and duration < declared - max(0.5, declared / 100)
