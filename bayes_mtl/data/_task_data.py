"""Rows, and observations of tasks that refer to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bayes_mtl.data._abstract_task_data import AbstractTaskData
from bayes_mtl.data._arrays_parts import array_parts
from bayes_mtl.data._assemble import Options
from bayes_mtl.data._fitted_parts import fitted_parts
from bayes_mtl.data._frame_parts import frame_parts
from bayes_mtl.data._outputs_parts import output_parts
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._sequence_inputs import sequence_inputs
from bayes_mtl.data._sequence_parts import sequence_parts
from bayes_mtl.data._sequence_targets import sequence_targets


@dataclass(frozen=True, eq=False, repr=False)
class TaskData(AbstractTaskData):
    """Data of many tasks: inputs once per row, targets as observations ``(row, task[, step]) -> y``.

    Made by `from_frame`, `from_arrays`, `from_outputs` or `from_sequences`. Observations are sorted by
    task. In memory, row ``i`` belongs to observation ``i`` where each row has exactly one; memory-mapped
    inputs stay where they are and ``row`` points into them.
    """

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any,
        task: Any,
        *,
        row: Any = None,
        step: Any = None,
        length: Any = None,
        feature_names: Sequence[str] | None = None,
        task_names: Sequence[str] | None = None,
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: Any = None,
        noise: Any = None,
        offset: Any = None,
        trials: Any = None,
        weight: Any = None,
        censored: Any = None,
        intercept: bool = True,
    ) -> "TaskData":
        """Make data from arrays.

        Parameters
        ----------
        x
            ``[rows, features]`` or ``[rows, steps, features]``: array, tensor, frame or memory map; or a
            ``torch.utils.data.Dataset`` of rows, which are read as they are needed.
        y
            ``[observations]``; text, booleans and categories become classes.
        task
            ``[observations]`` labels; with ``task_names``, positions or names among them.
        row, step
            ``[observations]`` positions in ``x``; without ``row``, observation ``i`` has row ``i``. Without
            ``step``, targets of sequences stand at the last valid step.
        length
            ``[rows]``: number of valid steps of each sequence; what is behind them is padding.
        feature_names, task_names
            Names; default ``x0, x1, ...`` and the sorted labels.
        varying
            Features whose weights vary by task; the others have one weight for all. Default: all vary.
        groups
            Group -> features, or feature -> group.
        task_features
            ``[tasks, task features]`` in the order of the tasks, or a frame indexed by task.
        noise, offset, trials, weight, censored
            ``[observations]``: known standard deviation, offset of the linear predictor (log exposure),
            number of trials, weight of the log-likelihood, whether ``y`` is only a lower bound.
        intercept
            Whether a constant feature is put in front.

        Raises
        ------
        InputError, InputTypeError
            For anything missing, of the wrong length, out of range or of the wrong kind.
        """
        observed = dict(noise=noise, offset=offset, trials=trials, weight=weight, censored=censored)
        options = Options(varying, groups, task_features, intercept, observed)
        places = dict(row=row, step=step, length=length)
        return cls(**array_parts(x, y, task, options, feature_names, task_names, **places))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        y: str | None = None,
        task: str,
        x: Sequence[str] | None = None,
        formula: str | None = None,
        schema: Schema | None = None,
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: Any = None,
        noise: str | None = None,
        offset: str | None = None,
        trials: str | None = None,
        weight: str | None = None,
        censored: str | None = None,
        intercept: bool = True,
    ) -> "TaskData":
        """Make data from a long table, one row an observation.

        Parameters
        ----------
        frame
            DataFrame (or mapping of columns); it is copied.
        y, task
            Columns of the target and the task; ``y`` may stand left in ``formula`` instead.
        x
            Numeric or boolean columns.
        formula
            Instead of ``x``: ``"y ~ a + C(b) + bs(c, df=4)"`` or its right side. ``- 1`` leaves the intercept
            out. Its levels, knots and means are found here; held-out rows take them by ``schema``.
        schema
            Instead of ``x`` and all that describes features: that of the data a model was fitted on, for
            new observations of its tasks.
        varying
            Features (or terms of the formula) whose weights vary by task; the others have one weight
            for all. Default: all vary; ``[]``: only the intercept does.
        groups
            Group -> features, or feature -> group.
        task_features
            Columns that are constant within each task, or a frame indexed by task.
        noise, offset, trials, weight, censored, intercept
            As in `from_arrays`; the columns by name.

        Raises
        ------
        InputError, InputTypeError
            As `from_arrays`; also for unknown columns.
        """
        observed = dict(noise=noise, offset=offset, trials=trials, weight=weight, censored=censored)
        options = Options(varying, groups, task_features, intercept, observed)
        if schema is not None:
            return cls(**fitted_parts(frame, schema, options, y=y, task=task, x=x, formula=formula))
        return cls(**frame_parts(frame, options, y=y, task=task, x=x, formula=formula))

    @classmethod
    def from_outputs(
        cls,
        x: Any,
        Y: Any,
        *,
        task_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: Any = None,
        intercept: bool = True,
    ) -> "TaskData":
        """Make data from a table with one column of targets a task, inputs once per row.

        Parameters
        ----------
        x
            ``[rows, features]``.
        Y
            ``[rows, tasks]``; NaN where there is no label. Columns in different units take a likelihood with
            ``units="task"``, such as ``Gaussian(units="task")``.
        task_names, feature_names
            Names; default those of frames, else ``task0, ...`` and ``x0, ...``.
        varying, groups, task_features, intercept
            As in `from_arrays`, also the errors.
        """
        options = Options(varying, groups, task_features, intercept, {})
        return cls(**output_parts(x, Y, options, feature_names, task_names))

    @classmethod
    def from_sequences(
        cls,
        x: Any,
        *,
        lengths: Any = None,
        per_sequence: Mapping[str, Any] | None = None,
        at_step: Mapping[str, tuple[Any, Any]] | None = None,
        per_step: Mapping[str, Any] | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
        noise: Mapping[str, Any] | None = None,
        offset: Mapping[str, Any] | None = None,
        trials: Mapping[str, Any] | None = None,
        weight: Mapping[str, Any] | None = None,
        censored: Mapping[str, Any] | None = None,
        static: Any = None,
        missing: Literal["refuse", "mask"] = "refuse",
        schema: Schema | None = None,
        feature_names: Sequence[str] | None = None,
        static_names: Sequence[str] | None = None,
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: Any = None,
        intercept: bool = True,
    ) -> "TaskData":
        """Make data from sequences and targets of them; each target is a task, each of several labels one.

        Parameters
        ----------
        x
            ``[rows, steps, features]``, or a list of ``[steps, features]`` of any lengths (arrays, frames).
        lengths
            ``[rows]`` valid steps of each sequence, where ``x`` is one array; what is behind is padding.
        per_sequence
            Target -> ``[rows]``, or ``[rows, labels]`` (array or frame). They stand at the last valid step.
        at_step
            Target -> ``(values, step)``: values as in ``per_sequence``, which stand at a step, the same for
            all or ``[rows]``.
        per_step
            Target -> ``[rows, steps]``, ``[rows, steps, labels]``, or a list of ``[steps]`` or
            ``[steps, labels]``. What stands behind the end of a sequence is ignored.
        labels
            Target -> names of its labels. Label ``a`` of target ``t`` is task ``"t[a]"`` of task group ``t``.
        noise, offset, trials, weight, censored
            As in `from_arrays`, by target: target -> a number, or values as the target has them (without
            labels: the same for each). Targets not named have offset 0, weight 1, no censoring; a likelihood
            that needs noise or trials refuses them.
        static
            ``[rows, static features]``, put beside the features of every step.
        missing
            What NaN in ``x`` and ``static`` means. ``"refuse"``: an error. ``"mask"``: values are carried
            forward (means of what was measured stand before the first measurement and in ``static``), and
            features ``measured[name]`` (1 or 0) and ``since[name]`` (steps since last measured) are added.
        schema
            That of the data a model was fitted on, for new sequences of its tasks: filled alike, and a task
            may have no target.
        feature_names, static_names
            Names; default those of frames, else ``x0, ...`` and ``s0, ...``.
        varying, groups, task_features, intercept
            As in `from_arrays`, also the errors.

        Notes
        -----
        NaN in a target means that there is none. With ``missing="mask"`` or ``static`` a memory map is read.
        """
        fill = schema.fill if schema is not None and missing == "mask" else None
        inputs = sequence_inputs(x, lengths, static, feature_names, static_names, missing, fill)
        steps = inputs.x.shape[1]
        columns = dict(noise=noise, offset=offset, trials=trials, weight=weight, censored=censored)
        targets = sequence_targets(per_sequence, at_step, per_step, labels, columns, inputs.valid, steps)
        options = Options(varying, groups, task_features, intercept, {})
        return cls(**sequence_parts(inputs, targets, options, schema))
