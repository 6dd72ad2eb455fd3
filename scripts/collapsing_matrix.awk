# Makes Markdown of the results of the conformance suite; for collapsing.sh.
#
# Each file is one column, tab-separated: number, id, promise, verdict, what was found, waits. -v titles
# are the columns' titles, tab-separated. Rows keep the order of the first file.

function cell(verdict) {
    return verdict == "pass" ? "yes" : verdict == "FAIL" ? "**no**" : "-"
}

FNR == 1 { column++ }
{
    gsub(/\|/, "\\|")
    if (!($2 in promise)) {
        ids[++count] = $2
        number[$2] = $1
        promise[$2] = $3
    }
    verdict[$2, column] = $4
    found[$2, column] = $5
    waits[$2, column] = $6
    passed[column] += $4 == "pass"
    applied[column] += $4 != "n/a"
}

END {
    columns = split(titles, title, "\t")
    printf "| case | promise |"
    for (i = 1; i <= columns; i++) printf " %s |", title[i]
    printf "\n|---:|---|"
    for (i = 1; i <= columns; i++) printf ":---:|"
    for (row = 1; row <= count; row++) {
        id = ids[row]
        printf "\n| %s | %s |", number[id], promise[id]
        for (i = 1; i <= columns; i++) printf " %s |", cell(verdict[id, i])
    }
    printf "\n| | passed, of those that apply |"
    for (i = 1; i <= columns; i++) printf " %d of %d |", passed[i], applied[i]

    printf "\n\nWaits, in milliseconds, with whatever else the machine did:\n\n| wait |"
    for (i = 1; i <= columns; i++) printf " %s |", title[i]
    printf "\n|---|"
    for (i = 1; i <= columns; i++) printf "---:|"
    for (row = 1; row <= count; row++) {
        names = 0
        for (i = 1; i <= columns; i++) {
            parts = split(waits[ids[row], i], part, "; ")
            for (j = 1; j <= parts; j++) {
                split(part[j], pair, ": ")
                sub(/ ms$/, "", pair[2])
                if (!(pair[1] in taken)) {
                    taken[pair[1]] = 1
                    name[++names] = pair[1]
                }
                value[pair[1], i] = pair[2]
            }
        }
        for (j = 1; j <= names; j++) {
            printf "\n| `%s`: %s |", ids[row], name[j]
            for (i = 1; i <= columns; i++) printf " %s |", value[name[j], i]
        }
        delete taken
        delete value
    }

    printf "\n\nWhat was seen where a promise was not kept:\n"
    for (i = 1; i <= columns; i++) {
        if (passed[i] == applied[i]) continue
        printf "\n<details><summary>%s</summary>\n\n", title[i]
        for (row = 1; row <= count; row++)
            if (verdict[ids[row], i] == "FAIL")
                printf "- %s `%s`: %s\n", number[ids[row]], ids[row], found[ids[row], i]
        printf "\n</details>\n"
    }
}
