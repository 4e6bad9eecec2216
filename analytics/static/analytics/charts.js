/* Draws each figure.chart of the page with uPlot. The numbers stand in a JSON element beside it, and in the table below
   it for those who read without JavaScript. Colours come from the theme, so the dark one needs nothing of its own. */
"use strict";

(() => {
    const HEIGHT = 240;
    const HOUR = 3600;
    const DAY = 24 * HOUR;
    const DAYS = [1, 2, 7, 14, 28, 56, 91].map(days => days * DAY);
    const HOURS = [1, 2, 3, 6, 12].map(hours => hours * HOUR);
    const short = value => String(Number(value.toPrecision(3)));
    const words = {
        ms: value => value >= 60000 ? `${short(value / 60000)} min` : value >= 1000 ? `${short(value / 1000)} s` : `${short(value)} ms`,
        percent: value => `${short(value * 100)} %`,
        count: value => value >= 1e6 ? `${short(value / 1e6)} M` : value >= 1e4 ? `${short(value / 1e3)} k` : short(value),
    };
    const exact = {...words, count: value => value.toLocaleString("en")};

    const variable = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

    /* All times are UTC, as in the table. */
    const date = seconds => new Date(seconds * 1000).toISOString().slice(0, 10);
    const clock = seconds => new Date(seconds * 1000).toISOString().slice(11, 16);

    function axis(more) {
        const line = {stroke: variable("--hairline-color"), width: 1};
        return {stroke: variable("--body-quiet-color"), font: "12px system-ui, sans-serif", grid: line, ticks: line, ...more};
    }

    function line(chart, series, place) {
        return {
            label: series.label,
            stroke: variable(`--series-${series.tone}`),
            fill: place === 0 && chart.filled ? variable(`--series-${series.tone}-fill`) : undefined,
            width: 2,
            dash: series.dashed ? [6, 5] : undefined,
            points: {show: chart.times.length < 60, size: 5},
            value: (plot, value) => value == null ? "–" : exact[chart.unit](value),
        };
    }

    function options(chart, width) {
        const top = most => chart.unit === "percent" ? Math.min(1, (most || .01) * 1.1) : (most || 1) * 1.1;
        const moment = seconds => chart.hourly ? `${date(seconds)} ${clock(seconds)}` : date(seconds);
        return {
            width,
            height: HEIGHT,
            tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
            cursor: {drag: {x: false, y: false}},
            scales: {y: {range: (plot, least, most) => [0, top(most)]}},
            axes: [
                axis({incrs: chart.hourly ? [...HOURS, ...DAYS] : DAYS, values: (plot, splits) => splits.map(at => at % DAY === 0 ? date(at).slice(5) : clock(at))}),
                axis({size: 62, values: (plot, splits) => splits.map(words[chart.unit])}),
            ],
            series: [
                {label: "UTC", value: (plot, at) => at == null ? "–" : moment(at)},
                ...chart.series.map((series, place) => line(chart, series, place)),
            ],
        };
    }

    /* Arrow keys move through the points, Home and End jump: what the pointer does, for those who have none. */
    function move(plot, event) {
        const last = plot.data[0].length - 1;
        const now = plot.cursor.idx ?? -1;
        const next = {ArrowLeft: Math.max(0, now - 1), ArrowRight: Math.min(last, now + 1), Home: 0, End: last}[event.key];
        if (next !== undefined) {
            event.preventDefault();
            plot.setCursor({left: plot.valToPos(plot.data[0][next], "x"), top: 1});
        }
    }

    function draw(figure) {
        const chart = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
        const place = figure.querySelector(".plot");
        const data = [chart.times, ...chart.series.map(series => series.values)];
        let plot;
        const redraw = () => {
            plot?.destroy();
            plot = new uPlot(options(chart, place.clientWidth), data, place);
            plot.root.querySelector("canvas").setAttribute("aria-hidden", "true");
        };
        redraw();
        place.tabIndex = 0;
        place.addEventListener("keydown", event => move(plot, event));
        new ResizeObserver(() => plot.setSize({width: place.clientWidth, height: HEIGHT})).observe(place);
        new MutationObserver(redraw).observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]});
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    }

    document.querySelectorAll("figure.chart").forEach(draw);
    // What the chart shows need not stand below it as well; it is one key away.
    document.querySelectorAll("details[data-folds]").forEach(details => { details.open = false; });
})();
