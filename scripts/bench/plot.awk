# plot.awk - draws the bars that the parts of bench.sh have collected, as SVG.
#
# Each line: panel, label, median, low, high, kind, separated by tabs; kind is own, peer or base. Panels are
# drawn from top to bottom in the order of their first lines, each with its own scale from zero, the
# shortest bar first. The words of a panel before a colon are its heading, those after it say what its numbers are.
# The picture has its own background, one for light and one for dark, so that it can be read wherever
# it is shown.
BEGIN {
    FS = "\t"
    width = 760; left = 210; right = 96; bar = 18; step = 26; head = 46; gap = 10; top = 66
}

function text(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); return s }

# Microseconds are written with their sign here.
function unit_of(s) { sub(/^[^:]*: */, "", s); sub(/^us /, "\302\265s ", s); return s }

function number(n) { return n < 10 ? sprintf("%.2f", n) : n < 100 ? sprintf("%.1f", n) : sprintf("%.0f", n) }

{
    if (!($1 in count)) { panels[++panel_count] = $1; most[$1] = 0 }
    for (i = ++count[$1]; i > 1 && median[$1, i - 1] + 0 > $3 + 0; i--) {
        label[$1, i] = label[$1, i - 1]; median[$1, i] = median[$1, i - 1]; low[$1, i] = low[$1, i - 1]
        high[$1, i] = high[$1, i - 1]; kind[$1, i] = kind[$1, i - 1]
    }
    label[$1, i] = $2; median[$1, i] = $3; low[$1, i] = $4; high[$1, i] = $5; kind[$1, i] = $6
    if ($5 + 0 > most[$1]) most[$1] = $5 + 0
    if ($1 != described_panel) described = described (described == "" ? "" : ". ") $1 ": "
    else described = described ", "
    described_panel = $1
    described = described $2 " " number($3)
}

END {
    height = top
    for (p = 1; p <= panel_count; p++) height += head + count[panels[p]] * step + gap
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " width " " height "\" width=\"" width "\" height=\"" height "\" role=\"img\" aria-labelledby=\"title desc\">"
    print "<title id=\"title\">What a request costs: fetchonce, a bare loop and other caches</title>"
    print "<desc id=\"desc\">" text(described) ". Shorter bars are better. The tables of docs/BENCHMARKS.md have the same figures.</desc>"
    print "<style>"
    print "text { font: 14px system-ui, -apple-system, \"Segoe UI\", Roboto, \"DejaVu Sans\", sans-serif; fill: #1f2328 }"
    print ".ground { fill: #ffffff; stroke: #d0d7de } .quiet { fill: #59636e } .name { font-size: 20px; font-weight: 600 }"
    print ".head { font-weight: 600 } .own { fill: #0969da } .peer { fill: #afb8c1 } .base { fill: #ffffff; stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 4 3 }"
    print ".strong { font-weight: 600 } .axis, .spread { stroke: #59636e; fill: none }"
    print "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ground { fill: #0d1117; stroke: #3d444d } .quiet { fill: #9198a1 } .own { fill: #4493f8 } .peer { fill: #59636e } .base { fill: #0d1117; stroke: #9198a1 } .axis, .spread { stroke: #9198a1 } }"
    print "</style>"
    print "<rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"" width - 1 "\" height=\"" height - 1 "\" rx=\"8\"/>"
    print "<text class=\"name\" x=\"24\" y=\"38\">What a request costs</text>"
    print "<text class=\"quiet\" x=\"24\" y=\"58\">Medians; the thin lines reach from the lowest to the highest round. Shorter is better.</text>"
    y = top
    for (p = 1; p <= panel_count; p++) {
        draw_panel(panels[p])
        y += head + count[panels[p]] * step + gap
    }
    print "</svg>"
}

function draw_panel(name, i, heading, scale, at, w, end) {
    heading = name
    sub(/:.*/, "", heading)
    print "<text class=\"head\" x=\"24\" y=\"" y + 32 "\">" text(heading) " <tspan class=\"quiet\" font-weight=\"400\">" text(unit_of(name)) "</tspan></text>"
    scale = (width - left - right) / most[name]
    for (i = 1; i <= count[name]; i++) {
        at = y + head + (i - 1) * step
        w = median[name, i] * scale
        end = high[name, i] * scale
        print "<text x=\"" left - 12 "\" y=\"" at + 14 "\" text-anchor=\"end\"" (kind[name, i] == "own" ? " class=\"strong\"" : "") ">" text(label[name, i]) "</text>"
        printf "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n", kind[name, i], left, at, w, bar
        printf "<path class=\"spread\" d=\"M%.1f %dH%.1fm0 -4v8M%.1f %dv8\"/>\n", left + low[name, i] * scale, at + bar / 2, left + end, left + low[name, i] * scale, at + bar / 2 - 4
        printf "<text x=\"%.1f\" y=\"%d\"%s>%s</text>\n", left + (end > w ? end : w) + 8, at + 14, kind[name, i] == "own" ? " class=\"strong\"" : "", number(median[name, i])
    }
    printf "<path class=\"axis\" d=\"M%d %dv%d\"/>\n", left - 0.5, y + head - 4, count[name] * step
}
