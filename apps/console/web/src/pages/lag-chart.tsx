import { useEffect, useRef } from "react";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type LagHistory, type LagPoint, type Stage, stageNames, stages } from "../api/overview.ts";
import { useTheme } from "../parts/theme.ts";
import { figure, span } from "../parts/words.ts";

const height = 220;
const unknownHeight = 6;

/**
 * How long 99 of 100 took, stage by stage, on a scale that shows a millisecond beside a minute.
 * A line breaks where nothing passed: there is no lag to draw, and none is not zero. Where events
 * did not say when they occurred, the foot is hatched.
 */
export function LagChart({ history }: { readonly history: LagHistory }) {
  const place = useRef<HTMLDivElement>(null);
  const [theme] = useTheme();
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const plot = new UPlot(optionsOf(element, history), dataOf(history), element);
    const follow = new ResizeObserver(([entry]) => {
      if (entry !== undefined) plot.setSize({ width: Math.floor(entry.contentRect.width), height });
    });
    follow.observe(element);
    return () => {
      follow.disconnect();
      plot.destroy();
    };
  }, [history, theme]);
  return (
    <figure className="chart">
      <div ref={place} role="img" aria-label="Lag by stage over time. The figures are in the table below." />
      <figcaption>
        {stages.map((stage) => (
          <span key={stage} className={`key stage-${stage}`}>
            {stageNames[stage].from} → {stageNames[stage].to}
          </span>
        ))}
        {history.points.some(({ occurredUnknown }) => occurredUnknown > 0) && (
          <span className="key hatched">{unknownWords(history)}</span>
        )}
      </figcaption>
    </figure>
  );
}

function unknownWords({ points }: LagHistory): string {
  const count = points.reduce((sum, { occurredUnknown }) => sum + occurredUnknown, 0);
  return `${figure(count)} did not say when they occurred`;
}

function dataOf({ points }: LagHistory): UPlot.AlignedData {
  const p99 = (stage: Stage, { stages: passed }: LagPoint): number | null => {
    const figures = passed[stage];
    if (figures === undefined || figures.count === 0) return null;
    // A logarithm has no zero.
    return typeof figures.p99Ms === "number" ? Math.max(figures.p99Ms, 0.5) : null;
  };
  return [
    points.map(({ at }) => Date.parse(at) / 1_000),
    ...stages.map((stage) => points.map((point) => p99(stage, point))),
  ];
}

function optionsOf(element: HTMLElement, history: LagHistory): UPlot.Options {
  const ink = colourOf(element, "axis");
  const rule = colourOf(element, "rule");
  const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 } };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { distr: 3 } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => clockOf(history)(tick)) },
      { ...axis, size: 60, values: (_plot, ticks) => ticks.map((tick) => decade(tick)) },
    ],
    series: [
      {},
      ...stages.map((stage) => ({
        label: stageNames[stage].to,
        stroke: colourOf(element, `stage-${stage}`),
        width: 2,
        spanGaps: false,
        points: { show: true, size: 5 },
      })),
    ],
    hooks: { draw: [(plot) => hatchUnknown(plot, history, ink)] },
  };
}

/** Hours within a day, days beyond it; as the machine writes them. */
function clockOf({ points, stepSec }: LagHistory): (sec: number) => string {
  const isLong = points.length * stepSec > 2 * 86_400;
  const format = new Intl.DateTimeFormat(
    undefined,
    isLong ? { day: "numeric", month: "short" } : { timeStyle: "short" },
  );
  return (sec) => format.format(sec * 1_000);
}

/** Powers of ten alone are named: the ticks between them would stand on each other. */
function decade(ms: number | null): string {
  return ms !== null && Number.isInteger(Math.log10(ms)) ? span(ms) : "";
}

function hatchUnknown(plot: UPlot, { points, stepSec }: LagHistory, ink: string): void {
  const { ctx, bbox } = plot;
  const foot = unknownHeight * devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (const { at, occurredUnknown } of points) {
    if (occurredUnknown === 0) continue;
    const from = Math.max(plot.valToPos(Date.parse(at) / 1_000, "x", true), bbox.left);
    const to = Math.min(plot.valToPos(Date.parse(at) / 1_000 + stepSec, "x", true), bbox.left + bbox.width);
    for (let x = from; x < Math.max(to, from + foot); x += foot / 2) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + foot / 2, bbox.top + bbox.height - foot);
    }
  }
  ctx.stroke();
  ctx.restore();
}

/** What a class of the style sheet is coloured, as a canvas takes it. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.className = `ink-${name}`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
