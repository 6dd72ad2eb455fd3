-- cold_paths.lua - for wrk: every request asks for a path that nobody has asked for before.
--
-- The path is the URL's with a number behind it, which counts through all runs: the first argument
-- is the number to begin with. The request is put together here, as wrk.format() would cost the
-- load more than the rest of what it does.

local before, after
local number = 0

function init(arguments)
    number = tonumber(arguments[1] or 0)
    before = "GET " .. wrk.path
    after = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n\r\n"
end

function request()
    number = number + 1
    return before .. number .. after
end
