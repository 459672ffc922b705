"""The origin of a film in its own metadata: an XMP packet in a box behind everything else, so no byte of film moves.

Source: XMP Specification Part 3, 2020, MPEG-4 (the `uuid` box); IPTC Video Metadata Hub 1.6 and IPTC Extension schema,
property Digital Source Type.
"""

from __future__ import annotations

import struct
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from veospec.errors import MediaError

_XMP_BOX = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = '<?xpacket end="w"?>'


def label_film(film: Path, source_type: str, statement: str) -> None:
    """Write where a film of ours comes from (an IRI) and what has to be disclosed; nothing when neither is known."""
    packet = xmp_packet(source_type, statement)
    if not packet:
        return
    try:
        with film.open("ab") as file:
            file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + _XMP_BOX + packet)
    except OSError as error:
        raise MediaError(f"cannot write {film.name}: {error.strerror}") from error


def xmp_packet(source_type: str, statement: str) -> bytes:
    """Return the packet; equal words give equal bytes."""
    told = ""
    if source_type:
        told += f" Iptc4xmpExt:DigitalSourceType={quoteattr(source_type)}"
    said = ""
    if statement:
        words = f'<rdf:li xml:lang="x-default">{escape(statement)}</rdf:li>'
        said = f"<dc:description><rdf:Alt>{words}</rdf:Alt></dc:description>"
    if not told and not said:
        return b""
    return (
        f'{_BEGIN}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"{told}>{said}'
        f"</rdf:Description></rdf:RDF></x:xmpmeta>{_END}"
    ).encode()
