"""The value log's files and rows, written from storage/README.md alone. Shares no code with the program."""
import struct

BLOCK = 4096
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def checked(data):
    """What stands before its CRC, or nothing."""
    return data[:-4] if len(data) > 4 and struct.unpack(">I", data[-4:])[0] == crc32c(data[:-4]) else None


def read_header(data):
    """Number of the segment and id of the store."""
    body = checked(data[:36])
    if body is None or body[:8] != b"coffseg1":
        raise ValueError("no segment")
    return struct.unpack(">Q", body[8:16])[0], body[16:32]


def read_frames(data):
    """All whole frames, live or not: the rows say which."""
    segment, _ = read_header(data)
    frames = []
    at = BLOCK
    while at < len(data):
        frame = read_frame(data, at, segment)
        if frame is None:
            at += BLOCK
            continue
        frames.append(frame)
        at = -(-frame["end"] // BLOCK) * BLOCK
    return frames


def read_frame(data, at, segment):
    if data[at : at + 8] != b"coffrun1" or len(data) < at + 56:
        return None
    count, payload_crc = struct.unpack(">II", data[at + 48 : at + 56])
    header = checked(data[at : at + 60 + 4 * count])
    if header is None:
        return None
    own, offset, first = struct.unpack(">QQQ", header[8:32])
    if (own, offset) != (segment, at):
        return None
    lengths = struct.unpack(f">{count}I", header[56:])
    start = at + 60 + 4 * count
    values = []
    for length in lengths:
        values.append(data[start : start + length])
        start += length
    frame = {"offset": at, "first": first, "owner": header[32:48], "values": values, "crc": payload_crc, "end": start}
    frame["whole"] = start <= len(data) and crc32c(b"".join(values)) == payload_crc
    return frame


def read_place_row(row):
    body = checked(row)
    owner, count, segment, offset, crc = struct.unpack(">16sIQQI", body[:40])
    return {"owner": owner, "segment": segment, "offset": offset, "crc": crc, "lengths": list(struct.unpack(f">{count}I", body[40:]))}


def read_segment_row(row):
    end, live_bytes, live_runs, state = struct.unpack(">QQIB", checked(row))
    return {"end": end, "liveBytes": live_bytes, "liveRuns": live_runs, "sealed": state == 1}
