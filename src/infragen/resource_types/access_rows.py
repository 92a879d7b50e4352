"""The access column of every type that has one, by the type's name."""

from collections.abc import Mapping

from infragen.resource_types import access_compute, access_data, access_identity, access_network
from infragen.resource_types.access import Access

ACCESS: Mapping[str, Access] = {
    **access_network.ACCESS,
    **access_compute.ACCESS,
    **access_data.ACCESS,
    **access_identity.ACCESS,
}
